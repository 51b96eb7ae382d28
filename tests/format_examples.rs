//! The worked examples of `docs/FORMAT.md`: the page shows what is written today, and that decodes.

use losslaw::codec::adaptive::{RangeDecoder, RangeEncoder, UIntModel};
use losslaw::codec::{
    Bins, BitPack, BitPlanes, Block, Codec, Constant, ContextMix, Delta, Denoise, Dictionary, Groups, Huffman, Learned,
    Lms, Lz77, Lz78, Map, Plan, Planes, Rans, Registry, Rle, Standardise, Store, Tokens,
};
use losslaw::container::{Container, Kind, Tag, Writer};
use losslaw::model::{Base, Model};
use losslaw::partition::{Partition, Partitioner, Target};
use losslaw::table::{Entries, Table};
use losslaw::tree::{Feature, Frame, Tree, TreeFeature, TreeNode};
use losslaw::wire::put_varint;
use losslaw::{Budget, Effort, Lane, Limits, Pipeline, Result, decompress};

const PAGE: &str = include_str!("../docs/FORMAT.md");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// The bytes are those of the example, and the page shows them.
fn shown(bytes: &[u8], example: &str) {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(hex(bytes), line(example));
    assert!(line(PAGE).contains(&line(example)), "docs/FORMAT.md lacks {example}");
}

fn budget() -> Budget {
    Budget::new(&Limits::default())
}

/// The node of a lane is shown, and decodes.
fn node(plan: impl Into<Plan>, lane: &Lane, example: &str) {
    let bytes = plan.into().encode(lane).unwrap();
    shown(&bytes, example);
    assert_eq!(&Registry::default().decode(&bytes, &mut budget()).unwrap(), lane);
}

#[test]
fn varints_and_adaptive_integers_are_as_shown() {
    let mut out = vec![];
    put_varint(&mut out, 300);
    shown(&out, "ac 02");
    let (mut encoder, mut model) = (RangeEncoder::default(), UIntModel::default());
    [0, 1, 2, 300].into_iter().for_each(|value| model.encode(value, &mut encoder));
    let bytes = encoder.finish();
    shown(&bytes, "91 80 21 7c");
    let (mut decoder, mut model) = (RangeDecoder::new(&bytes, "example"), UIntModel::default());
    assert_eq!([(); 4].map(|()| model.decode(&mut decoder)), [0, 1, 2, 300]);
    decoder.end().unwrap();
}

#[test]
fn a_stored_node_is_as_shown() {
    node(Store, &Lane::from(vec![258u16, 7]), "00 05 01 02 01 07 00 00");
}

#[test]
fn a_node_of_mixed_contexts_is_as_shown() {
    node(ContextMix::default(), &Lane::from(b"abcabcabcabc".to_vec()), "11 0a 0c 00 00 a2 03 73 de cc b4 e1 00");
}

#[test]
fn a_node_of_tokens_is_as_shown() {
    node(
        Tokens,
        &Lane::from(b"to be or not to be".to_vec()),
        "12 1e 12 15 00 0a 00 07 00 62 65 0a 74 6f 0a 00 06 04 03 00 04 00 00 a4 54 01 14 04 d0 38 00 00 01 00 08 00 6f 72 \
         0a 6e 6f 74 0a 00",
    );
}

#[test]
fn joint_columns_are_as_shown() {
    let a: Vec<i64> = (0..40).map(|i| i * i % 7).collect();
    let b: Vec<i64> = (0..40).map(|i| i * 37 % 1000).collect();
    let table = Table::builder().numeric("a", &a).numeric("b", &b).build().unwrap();
    let packed = Pipeline::builder().effort(Effort::Fast).build().unwrap().compress_table(&table).unwrap();
    let container = Container::open(&packed.bytes, &Limits::default()).unwrap();
    let body = |tag: Tag| container.sections().iter().find(|section| section.tag == tag).unwrap().body;
    shown(
        body(Tag::Models),
        "02 10 10 02 06 02 02 02 04 48 00 06 00 cb c0 00 06 22 13 12 02 08 03 04 87 81 0e 9d 01 00 07 00 b1 f9 00 00 0c 54",
    );
    shown(body(Tag::Columns), "02 09 f8 f3 8c db 12 8a eb f0 24 08 a4 91 46 1a 69 a4 91 02");
}

#[test]
fn a_node_of_runs_is_as_shown() {
    node(Rle, &Lane::from(vec![7u16, 7, 7, 2, 9, 9]), "01 00 02 00 07 01 07 00 02 00 09 00 00 00 04 00 03 01 02 00");
}

#[test]
fn a_huffman_node_is_as_shown() {
    node(Huffman::default(), &Lane::from(b"abracadabra".to_vec()), "02 0d 0b 08 00 0e 5a 36 ed ab fb 71 4e ac 9c 00");
}

#[test]
fn rans_nodes_are_as_shown() {
    node(Rans::default(), &Lane::from(b"abracadabra".to_vec()), "03 0e 0b 06 00 0e 5b 8e 2f 4e 38 b4 02 00 62 34 00");
    node(
        Rans::default(),
        &Lane::from(vec![900u16, 20, 900, 900, 7]),
        "03 11 05 07 01 01 03 00 27 b0 ff 03 05 f4 00 30 2e e2 07 00",
    );
}

#[test]
fn a_bit_packed_node_is_as_shown() {
    node(BitPack, &Lane::from(vec![1u16, 6, 3, 0]), "04 05 01 04 03 f1 00 00");
}

#[test]
fn a_node_of_differences_is_as_shown() {
    node(Delta::new(1).unwrap(), &Lane::from(vec![10u8, 13, 16, 15]), "05 01 01 01 00 05 00 14 06 06 01 00");
}

#[test]
fn a_standardised_node_is_as_shown() {
    node(
        Standardise,
        &Lane::from(vec![1_000_500u32, 1_000_000, 1_001_250]),
        "06 06 02 c0 84 3d fa 01 01 00 04 00 02 00 05 00",
    );
}

#[test]
fn a_denoised_node_is_as_shown() {
    let mut words = vec![3u32; 12];
    words[4] = 1 << 30;
    node(
        Denoise::new(0.5).unwrap(),
        &Lane::from(words),
        "07 00 03 00 0d 00 03 03 03 03 03 03 03 03 03 03 03 03 00 00 02 00 04 00 00 05 02 00 00 00 40 00",
    );
}

#[test]
fn a_dictionary_node_is_as_shown() {
    node(
        Dictionary,
        &Lane::from(vec![900u16, 20, 900, 900, 7]),
        "08 00 02 00 06 00 02 01 02 02 00 00 00 07 01 07 00 14 00 84 03 00",
    );
}

#[test]
fn a_node_of_bins_is_as_shown() {
    node(
        Bins::new(2).unwrap(),
        &Lane::from(vec![3u32, 70_001, 0, 70_002, 1, 70_000]),
        "09 0b 02 07 02 00 11 bc 45 08 00 87 01 01 00 07 00 00 01 00 01 00 01 00",
    );
}

#[test]
fn an_lz77_node_is_as_shown() {
    node(
        Lz77::default(),
        &Lane::from(b"ababababab, ababababab".to_vec()),
        "0a 03 00 16 00 0e 00 05 00 61 62 2c 20 00 00 01 00 00 00 01 00 00 00 01 00 00 00 01 00 00 00 01 00 00 00 01 \
         00 00 00 01 00 00 00 03 00 02 02 00 00 03 00 06 08 00 00 01 00 00 00 01 00 00 00 01 00 00 00 03 00 01 0e 00",
    );
}

#[test]
fn an_lz78_node_is_as_shown() {
    node(Lz78::default(), &Lane::from(b"abababab".to_vec()), "0b 09 00 08 10 61 c4 04 1c 28 06 00");
}

#[test]
fn nodes_of_planes_are_as_shown() {
    node(
        Planes::default(),
        &Lane::from(vec![0x1234u16, 0x1256]),
        "0c 02 01 02 08 00 03 00 12 12 00 00 03 00 34 56 00 00 01 00 00 00 01 00 00 00 01 00 00 00 01 00 00 00 01 00 00 00 \
         01 00 00",
    );
    node(BitPlanes, &Lane::from(vec![1u8, 0, 129]), "0d 02 00 03 01 00 09 00 04 00 00 00 00 00 00 05 00");
}

#[test]
fn nodes_of_a_map_and_of_a_constant_are_as_shown() {
    node(
        Map,
        &Lane::from(vec![0u16, 0, 700, 0, 0, 0, 9]),
        "0e 03 01 07 00 02 00 03 00 02 03 00 00 05 01 bc 02 09 00 00",
    );
    node(Constant, &Lane::from(vec![300u16; 1000]), "0f 05 01 e8 07 ac 02 00");
}

#[test]
fn residuals_of_samples_are_as_shown() {
    let lane = Lane::from(vec![10u8, 12, 15, 14]);
    let coded = Lms::default().encode(&lane).unwrap();
    shown(&coded.params, "00 04 01 01 00 00");
    assert!(PAGE.contains("the residuals 20 (class 0), 1 (class 7) and 6 3 (class 8)"));
    let classes: Vec<(usize, Vec<u64>)> = coded.children.iter().map(Lane::to_u64s).enumerate().collect();
    let used: Vec<_> = classes.into_iter().filter(|(_, residuals)| !residuals.is_empty()).collect();
    assert_eq!(used, [(0, vec![20]), (7, vec![1]), (8, vec![6, 3])]);
    assert_eq!(Lms::default().decode(&coded.params, coded.children, &mut budget()).unwrap(), lane);
}

#[test]
fn grouped_nodes_are_as_shown() {
    let groups = Groups::from_leaf_of_row(&[0, 1, 0, 1, 0, 1], 2).unwrap();
    let lane = Lane::from(vec![5u8, 8, 5, 9, 5, 8]);
    let grouped = |plan: Plan, learned: &Learned, example: &str| {
        let bytes = plan.encode_grouped(&lane, &groups, learned).unwrap();
        shown(&bytes, example);
        assert_eq!(Registry::default().decode_grouped(&bytes, &groups, learned, &mut budget()).unwrap(), lane);
    };
    grouped(
        Rle.into(),
        &Learned::default(),
        "01 02 00 00 04 00 02 00 05 00 00 02 00 03 00 00 04 00 08 09 08 00 00 04 00 01 01 01 00",
    );
    let plan = Plan::from(Rans::default());
    let learned = plan.learn(vec![Block { lane: lane.clone(), groups: groups.clone() }]).unwrap();
    let mut shared = vec![];
    learned.write(&mut shared);
    shown(&shared, "01 07 00 3d f3 55 68 6f 8d");
    grouped(plan, &learned, "03 04 48 04 00 00 00");
}

#[test]
fn entries_are_as_shown() {
    let entries = Entries::from_texts([b"car".as_slice(), b"cat", b"dog"]);
    let nodes: Vec<u8> = entries.to_lanes().iter().flat_map(|lane| Plan::from(Store).encode(lane).unwrap()).collect();
    shown(&nodes, "00 04 00 00 02 00 00 00 04 00 03 01 03 00 00 08 00 63 61 72 74 64 6f 67 00");
}

#[test]
fn files_of_bytes_are_as_shown() {
    let mut writer = Writer::new(Kind::Bytes);
    writer.section(Tag::Stored, 0, 0, b"abc");
    let file = writer.finish();
    shown(
        &file,
        "8c 4c 4c 0a 05 00 00 00 01 00 00 03 61 62 63 f4 e3 cb e3 ff 00 00 05 01 01 00 00 03 39 96 5e e3 13 00 00 00 \
         00 00 00 00 5a 9a 96 51 8c 4c 4c 2e",
    );
    assert_eq!(Pipeline::builder().build().unwrap().compress_bytes(b"abc").unwrap().bytes, file);
    assert_eq!(decompress(&file).unwrap(), b"abc");

    let source = [b'a'; 200];
    let file = Pipeline::builder().codec(Rle).build().unwrap().compress_bytes(&source).unwrap().bytes;
    shown(
        &file,
        "8c 4c 4c 0a 05 00 00 00 02 00 00 11 58 f0 9a 59 01 00 02 00 02 00 61 00 00 02 00 c8 00 94 7f fd 80 ff 00 00 \
         05 01 02 00 00 11 9f 48 52 02 21 00 00 00 00 00 00 00 85 0c 0b 31 8c 4c 4c 2e",
    );
    assert_eq!(decompress(&file).unwrap(), source);
}

/// Divides the second column by whether the first is 1.
#[derive(Debug)]
struct ByKind;

impl Partitioner for ByKind {
    fn name(&self) -> &'static str {
        "ByKind"
    }

    fn partition(&self, _: &Frame<'_>, _: Target<'_>, features: &[Feature]) -> Result<Partition> {
        let Some(&feature) = features.first() else { return Ok(Partition::Whole) };
        let nodes = vec![
            TreeNode::Threshold { feature: 0, at: 1, missing_low: true, low: 1, high: 2 },
            TreeNode::Leaf { leaf: 0 },
            TreeNode::Leaf { leaf: 1 },
        ];
        Ok(Partition::Tree(Tree::new(vec![TreeFeature { feature, first_value: 1 }], nodes)?))
    }
}

const CSV: &[u8] = b"kind,price\n1,0.50\n2,NA\n1,0.75\n2,NA\n1,0.25\n2,1.50\n";

fn table_file() -> Vec<u8> {
    let pipeline = Pipeline::builder().partitioner(ByKind).codec(Rle).build().unwrap();
    pipeline.compress_table(&Table::from_csv(CSV).unwrap()).unwrap().bytes
}

#[test]
fn a_table_file_is_as_shown() {
    let file = table_file();
    shown(
        &file,
        "8c 4c 4c 0a 05 00 01 00 03 00 00 21 06 01 1e 00 2c 00 0b 6b 69 6e 64 2c 70 72 69 63 65 0a 02 00 00 00 00 02 \
         01 00 00 01 02 4e 41 32 02 ea c8 fa ec 04 00 00 04 00 75 9b 5e ca f2 b4 58 05 00 00 09 02 03 00 01 00 03 00 \
         01 00 34 bc c5 8e 06 00 00 08 06 26 73 48 e9 e9 00 00 cc 4d 43 ad 07 00 00 3e 02 1a 00 18 01 01 00 02 00 07 \
         00 01 02 01 02 01 02 00 00 07 00 01 01 01 01 01 01 00 21 00 1f 01 02 00 00 04 00 04 00 1b 34 02 00 00 04 00 \
         01 01 01 00 00 03 00 01 7f 00 00 03 00 02 01 00 5d 25 49 d1 ff 00 00 15 05 03 00 00 21 04 00 00 04 05 00 00 \
         09 06 00 00 08 07 00 00 3e b1 ac 7a 16 a4 00 00 00 00 00 00 00 c1 b5 7d ce 8c 4c 4c 2e",
    );
    assert_eq!(decompress(&file).unwrap(), CSV);
}

/// The table file with one of its sections changed and all checksums right.
fn changed(tag: Tag, change: impl Fn(&mut [u64; 2], &mut Vec<u8>)) -> Result<Vec<u8>> {
    let file = table_file();
    let mut writer = Writer::new(Kind::Table);
    for section in Container::open(&file, &Limits::default())?.sections() {
        let (mut addresses, mut body) = ([section.first, section.second], section.body.to_vec());
        if section.tag == tag {
            change(&mut addresses, &mut body);
        }
        writer.section(section.tag, addresses[0], addresses[1], &body);
    }
    decompress(&writer.finish())
}

#[test]
fn what_the_page_does_not_allow_is_an_error() {
    for tag in [Tag::Schema, Tag::Trees, Tag::Models, Tag::Block, Tag::Columns] {
        assert_eq!(changed(tag, |_, _| {}).unwrap(), CSV);
        for which in 0..2 {
            assert!(changed(tag, |addresses, _| addresses[which] = 1).is_err(), "{tag:?}, address {which}");
        }
    }
    for flags in [2, 4, 16] {
        let error = changed(Tag::Columns, |_, body| body[2] = flags).unwrap_err().to_string();
        assert!(error.contains("flags do not fit"), "{error}");
    }
    let leaves = changed(Tag::Block, |_, body| body.splice(7.., [1, 0]).for_each(drop)).unwrap_err().to_string();
    assert!(leaves.contains("without a shared tree"), "{leaves}");
    let node = Plan::from(Rans::default()).encode(&Lane::from(b"abracadabra".to_vec())).unwrap();
    let padded: Vec<u8> =
        node.iter().enumerate().map(|(at, &byte)| if at == 13 { byte | 0x80 } else { byte }).collect();
    let error = Registry::default().decode(&padded, &mut budget()).unwrap_err().to_string();
    assert!(error.contains("not padded with zeros"), "{error}");
    let error = changed(Tag::Block, |_, body| body[1] = 10).unwrap_err();
    assert!(matches!(error, losslaw::Error::LimitExceeded { .. }), "rows stop soon after the bytes they claim");
}

#[test]
fn a_counter_is_recorded_as_differences_to_the_previous_row() {
    let csv: Vec<u8> = (0..500).flat_map(|i| format!("{},{}\n", 1000 + 7 * i, i % 2).into_bytes()).collect();
    let table = Table::from_csv(&csv).unwrap();
    let file = Pipeline::builder().build().unwrap().compress_table(&table).unwrap().bytes;
    let container = Container::open(&file, &Limits::default()).unwrap();
    let models = container.find(Tag::Models, 0, 0).unwrap();
    assert_eq!(models.body[2], 2, "the tag of a difference to the row before");
}

#[test]
fn a_model_file_is_as_shown() {
    let model = Model::builder().f32("w", &[2, 2], &[0.5, -1.5, 0.5, 2.0]).unwrap().build().unwrap();
    let file = Pipeline::builder().codec(Rle).build().unwrap().compress_model(&model).unwrap().bytes;
    shown(
        &file,
        "8c 4c 4c 0a 05 00 02 00 08 00 00 42 40 47 ed 10 56 3c 3b 04 38 00 3c 07 7b d1 5d a4 db 8b c8 f4 3c bc 2c \
         d2 89 8c 33 99 88 25 9a a3 c3 f0 b2 48 b7 95 b1 64 5d 96 88 1c a6 87 bf 6f b3 79 5e a6 cf 45 ba 6d b7 df \
         07 81 40 20 10 08 04 00 41 31 3d a1 09 00 00 2b 01 04 03 00 01 00 65 1c 7d 76 20 01 01 00 02 00 11 02 00 \
         00 00 7e 01 00 80 7f 00 00 00 7e 00 00 00 80 00 00 05 00 01 01 01 01 00 4f 39 e5 ef ff 00 00 09 02 08 00 \
         00 42 09 00 00 2b 3e 6f 1b c0 85 00 00 00 00 00 00 00 51 d6 43 17 8c 4c 4c 2e",
    );
    assert_eq!(decompress(&file).unwrap(), model.to_safetensors());
}

#[test]
fn a_unit_under_a_density_is_as_shown() {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state as f32 / 4_294_967_296.0 - 0.5
    };
    let weights: Vec<f32> = (0..64 * 64).map(|at| (next() + next() + next()) * [0.01, 0.04][at / 64 % 2]).collect();
    let model = Model::builder().f32("w", &[64, 64], &weights).unwrap().build().unwrap();
    let file = Pipeline::builder().build().unwrap().compress_model(&model).unwrap().bytes;
    let container = Container::open(&file, &Limits::default()).unwrap();
    let body = container.find(Tag::Tensors, 0, 0).unwrap().body;
    assert_eq!(body.len(), 13_611);
    shown(
        &body[..61],
        "03 80 20 07 40 00 09 7f 0c 00 00 57 83 a9 14 2d 00 07 92 f2 21 ce 9f 4e 0b 02 2f 53 93 88 c0 20 f7 \
         43 25 48 c4 70 36 46 ea 57 3f 94 61 d8 c2 02 7d 9b 37 b3 a3 f7 57 57 8a b5 f4 95 83",
    );
    assert_eq!(decompress(&file).unwrap(), model.to_safetensors());
}

#[test]
fn a_model_against_a_base_is_as_shown() {
    let weights: Vec<f32> = (0..48u8).map(|at| f32::from(at) / 16.0).collect();
    let model = |more: u64| {
        let steps: Vec<u8> = (1..25u64)
            .flat_map(|at| (at.pow(12).wrapping_mul(0x9e37_79b9_7f4a_7c15) / 2 + more).to_le_bytes())
            .collect();
        let model = Model::builder().f32("w", &[6, 8], &weights).unwrap();
        model.tensor("steps", losslaw::model::Dtype::I64, &[24], &steps).unwrap().build().unwrap()
    };
    let base = Base::from(&model(0));
    let file = Pipeline::builder().build().unwrap().compress_model_against(&base, &model(3)).unwrap().bytes;
    let container = Container::open(&file, &Limits::default()).unwrap();
    shown(container.find(Tag::Base, 0, 0).unwrap().body, "80 04 9f be ac 8e 0b 65 82 4f 2b 6c f2 aa ed b3 75 77");
    shown(container.find(Tag::Tensors, 0, 0).unwrap().body, "04 00 90 fe 53 44");
    shown(container.find(Tag::Tensors, 1, 0).unwrap().body, "05 18 03 00 01 00 71 28 77 af 07 0f 04 03 03 18 06 00");
    let restored = losslaw::Decoder::default().with_base(base).decompress(&file).unwrap();
    assert_eq!(restored, model(3).to_safetensors());
}

#[test]
fn a_sparse_unit_is_as_shown() {
    let mut weights = [0f32; 48];
    [(3, 1.5), (11, -0.75), (19, 1.0), (35, 3.5)].into_iter().for_each(|(at, weight)| weights[at] = weight);
    let model = Model::builder().f32("w", &[6, 8], &weights).unwrap().build().unwrap();
    let file = Pipeline::builder().build().unwrap().compress_model(&model).unwrap().bytes;
    let container = Container::open(&file, &Limits::default()).unwrap();
    shown(
        container.find(Tag::Tensors, 0, 0).unwrap().body,
        "03 30 0c 00 02 08 87 01 00 80 80 80 f4 07 00 8c ce 9b f2 05 00 07 5f 60 d0 03 b8 22 b5 00 76 f1 eb \
         51 2a 73 d7 00 00",
    );
}
