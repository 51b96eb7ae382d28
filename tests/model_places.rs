//! Models that are read and written in places: rows alone, parts of large tensors, files larger than memory may be.

mod common;

use std::cell::RefCell;
use std::fs::File;
use std::io::{Cursor, Read, Result as IoResult, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use common::Random;
use losslaw::container::{Container, Tag};
use losslaw::model::{Dtype, Model};
use losslaw::{Decoder, Effort, Error, Limits, ModelReader, Pipeline};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// One test at a time: the allocator counts for all threads.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone(test: impl FnOnce()) {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    test();
}

/// Weights about zero whose scale goes up and down from row to row.
fn weights(rows: usize, width: usize, random: &mut Random) -> Vec<f32> {
    let mut sum = || (0..4).map(|_| random.below(1 << 20) as f32 / (1 << 19) as f32 - 1.0).sum::<f32>();
    (0..rows * width).map(|at| sum() * (1 + at / width % 7) as f32 * 1e-3).collect()
}

/// A large matrix and its copy, a pruned one, columns that follow each other, small tensors between them.
fn model() -> Model<'static> {
    let mut random = Random(9);
    let wide = weights(900, 500, &mut random);
    let pruned: Vec<f32> = wide.iter().map(|&own| if own.abs() > 4e-3 { own } else { 0.0 }).collect();
    let mut followers = weights(4000, 60, &mut random);
    (1..followers.len()).filter(|at| at % 60 > 0).for_each(|at| followers[at] += 0.9 * followers[at - 1]);
    let half: Vec<u8> = wide.iter().flat_map(|&own| half(own)).collect();
    let ids: Vec<u8> = (0..300_000u32).flat_map(|at| (at / 3).to_le_bytes()).collect();
    Model::builder()
        .f32("wide", &[900, 500], &wide)
        .and_then(|model| model.f32("small", &[30, 4], &wide[..120]))
        .and_then(|model| model.f32("copy", &[450, 1000], &wide))
        .and_then(|model| model.f32("pruned", &[900, 10, 50], &pruned))
        .and_then(|model| model.f32("followers", &[4000, 60], &followers))
        .and_then(|model| model.tensor("half", Dtype::BF16, &[900, 500], &half))
        .and_then(|model| model.f32("bias", &[77], &wide[..77]))
        .and_then(|model| model.tensor("ids", Dtype::U32, &[300_000], &ids))
        .and_then(|model| model.tensor("fours", Dtype::F4, &[5, 4, 2], &[7; 20]))
        .and_then(|model| model.f32("none", &[0, 3], &[]))
        .and_then(|model| model.f32("one", &[], &[1.0]))
        .and_then(losslaw::model::ModelBuilder::build)
        .unwrap()
}

fn half(weight: f32) -> [u8; 2] {
    ((weight.to_bits() >> 16) as u16).to_le_bytes()
}

/// A reader that remembers which bytes were read.
struct Watched<'a> {
    inner: Cursor<&'a [u8]>,
    read: &'a Mutex<RefCell<Vec<Range<u64>>>>,
}

impl Read for Watched<'_> {
    fn read(&mut self, out: &mut [u8]) -> IoResult<usize> {
        let start = self.inner.position();
        let count = self.inner.read(out)?;
        self.read.lock().unwrap().borrow_mut().push(start..start + count as u64);
        Ok(count)
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        self.inner.seek(to)
    }
}

/// Where each section stands.
fn sections(file: &[u8]) -> Vec<(Tag, u64, Range<u64>)> {
    let container = Container::open(file, &Limits::default()).unwrap();
    let mut at = losslaw::container::HEADER_BYTES as u64;
    let place = |section: &losslaw::container::Section<'_>| {
        let start = at;
        at += section.total_bytes as u64;
        (section.tag, section.first, start..at)
    };
    container.sections().iter().map(place).collect()
}

#[test]
fn rows_are_those_of_the_whole_at_every_effort() {
    alone(|| {
        let model = model();
        let mut random = Random(4);
        for effort in Effort::ALL {
            let packed = Pipeline::builder().effort(effort).build().unwrap().compress_model(&model).unwrap().bytes;
            let reader = ModelReader::open(Cursor::new(&packed), Decoder::default()).unwrap();
            assert_eq!(reader.tensors().unwrap(), Decoder::default().tensors(&packed).unwrap());
            for tensor in model.tensors() {
                let whole = reader.tensor(tensor.name()).unwrap().unwrap();
                assert_eq!(whole.view(), tensor);
                let Some(&all) = tensor.shape().first() else { continue };
                let row = tensor.data().len() / all.max(1);
                for round in 0..6 {
                    let start = random.below(all as u64 + 1) as usize;
                    let rows = if round == 0 {
                        0..all
                    } else {
                        start..start + random.below((all - start) as u64 + 1) as usize
                    };
                    let own = reader.rows(tensor.name(), rows.clone()).unwrap().unwrap();
                    let again = Decoder::default().rows(&packed, tensor.name(), rows.clone()).unwrap().unwrap();
                    assert!(own == again, "{rows:?} of {}", tensor.name());
                    assert_eq!(own.view().shape()[1..], tensor.shape()[1..]);
                    let wanted = &tensor.data()[rows.start * row..rows.end * row];
                    assert!(own.view().data() == wanted, "{rows:?} of {} at {effort}", tensor.name());
                }
            }
            assert!(reader.rows("no such tensor", 0..1).unwrap().is_none());
            for (name, rows) in [("one", 0..0), ("bias", 70..78), ("wide", 901..901)] {
                let error = reader.rows(name, rows).unwrap_err();
                assert!(matches!(error, Error::InvalidConfig { field: "rows", .. }), "{error}");
            }
        }
    });
}

#[test]
fn rows_are_read_without_the_rest_of_the_file() {
    alone(|| {
        let model = model();
        for effort in [Effort::Fast, Effort::Balanced] {
            let packed = Pipeline::builder().effort(effort).build().unwrap().compress_model(&model).unwrap().bytes;
            let read = Mutex::default();
            let watched = Watched { inner: Cursor::new(&packed), read: &read };
            let reader = ModelReader::open(watched, Decoder::default()).unwrap();
            read.lock().unwrap().borrow_mut().clear();
            // "followers", the fifth tensor, has two chunks of 2,184 rows and the rest; these are in the second.
            reader.rows("followers", 2500..2600).unwrap().unwrap();
            let read = read.lock().unwrap().take();
            let own = |tag| -> Vec<Range<u64>> {
                let all = sections(&packed).into_iter().filter(|own| (own.0, own.1) == (tag, 4));
                all.map(|own| own.2).collect()
            };
            let (head, chunks) = (own(Tag::Tensors), own(Tag::Weights));
            assert_eq!((head.len(), chunks.len()), (1, 2), "{effort}");
            let allowed = |byte: &Range<u64>| {
                [&head[0], &chunks[1]].iter().any(|own| own.start <= byte.start && byte.end <= own.end)
            };
            assert!(read.iter().all(allowed), "{read:?} beyond {head:?} and {chunks:?}");
            // What is not read may be damaged; what is read may not.
            let mut damaged = packed.clone();
            damaged[chunks[0].start as usize + 40] ^= 1;
            let other = ModelReader::open(Cursor::new(&damaged), Decoder::default()).unwrap();
            assert!(other.rows("followers", 2500..2600).is_ok());
            assert!(matches!(other.rows("followers", 2000..2100), Err(Error::Checksum { part: "weights", .. })));
            assert!(other.write_to(vec![]).is_err());
        }
    });
}

#[test]
fn files_in_places_are_those_in_memory() {
    alone(|| {
        let model = model();
        let file = model.to_safetensors();
        for effort in Effort::ALL {
            let pipeline = Pipeline::builder().effort(effort).threads(2).build().unwrap();
            let mut packed = vec![];
            let report = pipeline.compress_model_from(Cursor::new(&file), &mut packed).unwrap();
            let memory = pipeline.compress_model(&model).unwrap();
            assert!(packed == memory.bytes, "{effort}");
            assert_eq!((&report.tensors, &report.parts), (&memory.report.tensors, &memory.report.parts));
            assert!(report.verified && report.compressed_bytes == packed.len() as u64);
            let mut restored = vec![];
            let decoder = Decoder::default().with_threads(2);
            let written = ModelReader::open(Cursor::new(&packed), decoder).unwrap().write_to(&mut restored).unwrap();
            assert!(restored == file && written == file.len() as u64);
        }
        let pipeline = Pipeline::builder().build().unwrap();
        for end in [0, 7, 100, file.len() - 1] {
            let error = pipeline.compress_model_from(Cursor::new(&file[..end]), vec![]).unwrap_err();
            assert!(matches!(error, Error::NotAModel(_)), "{error}");
        }
        let table = pipeline.compress(b"a,b\n1,2\n3,4\n").unwrap().bytes;
        let error = ModelReader::open(Cursor::new(table), Decoder::default()).unwrap_err();
        assert!(matches!(error, Error::WrongKind { expected: "a model", .. }));
    });
}

/// Writes a safetensors file of two matrices, most of it holes: weights stand in a sixteenth of all places.
fn sparse_file(rows: usize, width: usize) -> File {
    let bytes = rows * width;
    let header = format!(
        r#"{{"a":{{"dtype":"F32","shape":[{rows},{width}],"data_offsets":[0,{}]}},"b":{{"dtype":"BF16","shape":[{},{width}],"data_offsets":[{},{}]}}}}"#,
        4 * bytes,
        2 * rows,
        4 * bytes,
        8 * bytes,
    );
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    let start = 8 + header.len() as u64;
    file.set_len(start + 8 * bytes as u64).unwrap();
    let mut random = Random(1);
    for at in (0..8 * bytes as u64).step_by(1 << 16) {
        file.seek(SeekFrom::Start(start + at)).unwrap();
        let block: Vec<u8> = weights(1, 1024, &mut random).into_iter().flat_map(f32::to_le_bytes).collect();
        file.write_all(&block).unwrap();
    }
    file
}

#[test]
fn a_file_larger_than_the_memory_it_takes_comes_back() {
    alone(|| {
        let mut file = sparse_file(3072, 8192);
        let length = file.metadata().unwrap().len();
        assert!(length > 190 << 20);
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        let peak = || ALLOCATOR.peak_usage().saturating_sub(before);
        let mut packed = tempfile::tempfile().unwrap();
        let report = Pipeline::builder().build().unwrap().compress_model_from(&file, &mut packed).unwrap();
        assert!(report.verified && report.original_bytes == length);
        assert!(peak() < 100 << 20, "{} bytes to compress", peak());
        ALLOCATOR.reset_peak_usage();
        let mut restored = tempfile::tempfile().unwrap();
        let reader = ModelReader::open(&packed, Decoder::default()).unwrap();
        assert_eq!(reader.write_to(&mut restored).unwrap(), length);
        assert!(peak() < 80 << 20, "{} bytes to restore", peak());
        let (mut a, mut b) = (vec![0; 1 << 20], vec![0; 1 << 20]);
        file.rewind().unwrap();
        restored.rewind().unwrap();
        for _ in 0..length >> 20 {
            file.read_exact(&mut a).unwrap();
            restored.read_exact(&mut b).unwrap();
            assert!(a == b);
        }
        // Both tensors have parts, and a row of any of them is found.
        let row = reader.rows("b", 6100..6101).unwrap().unwrap();
        let mut wanted = vec![0; 8192 * 2];
        file.seek(SeekFrom::Start(length - (6144 - 6100) * 8192 * 2)).unwrap();
        file.read_exact(&mut wanted).unwrap();
        assert!(row.into_data() == wanted);
    });
}
