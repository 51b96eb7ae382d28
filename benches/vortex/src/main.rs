//! Prints a Markdown row for each CSV of a folder, or for one: what its typed columns take as arrays of Vortex, compressed
//! by the compact preset of its compressor.
//!
//! Columns are typed and figures taken as for the other formats of columns, by the same code. Each column is one array, and
//! what a file holds besides arrays (layouts, statistics, a footer) is left out, which is in favour of Vortex.

#[path = "../../peers/src/process.rs"]
mod process;
#[path = "../../peers/src/typed.rs"]
mod typed;

use std::path::Path;

use process::{csv_files, figures, in_own_process};
use typed::{Column, Texts, Values};
use vortex_array::arrays::{PrimitiveArray, VarBinViewArray};
use vortex_array::dtype::{DType, NativePType, PType};
use vortex_array::serde::{SerializeOptions, SerializedArray};
use vortex_array::session::ArraySessionExt;
use vortex_array::{ArrayContext, ArrayRef, IntoArray, VortexSessionExecute, array_session};
use vortex_btrblocks::{BtrBlocksCompressorBuilder, CompressionSession};
use vortex_buffer::ByteBuffer;
use vortex_session::VortexSession;
use vortex_session::registry::{Id, ReadContext};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const CODER: &str = "vortex compact";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [flag, _, path] if flag == "--one" => {
            let columns = typed::columns(&std::fs::read(path)?)?;
            let session = session();
            let types: Vec<(DType, usize)> =
                columns.iter().map(array).map(|array| (array.dtype().clone(), array.len())).collect();
            figures(&columns, |columns| encode(&session, columns), |file| decode(&session, &types, file))?.tell();
        }
        [path] => {
            println!("| table | raw | coder | bytes | encode MB/s | decode MB/s | peak MB |");
            println!("|---|---:|---|---:|---:|---:|---:|");
            for path in csv_files(Path::new(path))? {
                let (figures, raw) = (in_own_process(CODER, &path)?, std::fs::metadata(&path)?.len());
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                println!("| {name} | {raw} | {CODER} | {} | {} |", figures.bytes, figures.speeds(raw));
            }
        }
        _ => return Err("a CSV file or a folder of them is wanted".into()),
    }
    Ok(())
}

/// A session that knows all encodings of the compressor.
fn session() -> VortexSession {
    let session = array_session().with::<CompressionSession>();
    vortex_alp::initialize(&session);
    vortex_datetime_parts::initialize(&session);
    vortex_decimal_byte_parts::initialize(&session);
    vortex_fastlanes::initialize(&session);
    vortex_fsst::initialize(&session);
    vortex_onpair::initialize(&session);
    vortex_runend::initialize(&session);
    vortex_sequence::initialize(&session);
    vortex_sparse::initialize(&session);
    vortex_zigzag::initialize(&session);
    vortex_zstd::initialize(&session);
    session.arrays().register(vortex_pco::Pco);
    session
}

/// For each column its identifiers, and its bytes; both behind their length.
fn encode(session: &VortexSession, columns: &[Column]) -> Result<Vec<u8>> {
    let compressor = BtrBlocksCompressorBuilder::from_session(session).with_compact().unrestricted().build();
    let (names, mut arrays) = (ArrayContext::default(), vec![]);
    for column in columns {
        let packed = compressor.compress(&array(column), &mut session.create_execution_ctx())?;
        let parts = packed.serialize(&names, session, &SerializeOptions::default())?;
        let bytes = parts.iter().flat_map(|part| part.as_slice().iter().copied()).collect();
        put(&mut arrays, bytes);
    }
    let ids: Vec<String> = names.to_ids().iter().map(ToString::to_string).collect();
    let mut file = vec![];
    put(&mut file, ids.join(" ").into_bytes());
    file.extend(arrays);
    Ok(file)
}

fn put(out: &mut Vec<u8>, bytes: Vec<u8>) {
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

fn take<'a>(file: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = file.split_off(..4).ok_or("the length is cut")?;
    let length = u32::from_le_bytes(length.try_into()?) as usize;
    Ok(file.split_off(..length).ok_or("the bytes are cut")?)
}

fn array(column: &Column) -> ArrayRef {
    let present = column.present.as_deref();
    match &column.values {
        Values::Integers(values) => numbers(values, present),
        Values::Doubles(values) => numbers(values, present),
        Values::Texts(texts) => match texts.cells().map(std::str::from_utf8).collect::<Result<Vec<_>, _>>() {
            Ok(cells) => VarBinViewArray::from_iter_str(cells).into_array(),
            Err(_) => VarBinViewArray::from_iter_bin(texts.cells()).into_array(),
        },
    }
}

fn numbers<T: NativePType>(values: &[T], present: Option<&[u8]>) -> ArrayRef {
    let Some(present) = present else {
        return PrimitiveArray::from_iter(values.iter().copied()).into_array();
    };
    let mut values = values.iter().copied();
    let cells = present.iter().map(|&there| if there == 1 { values.next() } else { None });
    PrimitiveArray::from_option_iter(cells).into_array()
}

fn decode(session: &VortexSession, types: &[(DType, usize)], mut file: &[u8]) -> Result<Vec<Column>> {
    let names = std::str::from_utf8(take(&mut file)?)?;
    let names = ReadContext::new(names.split(' ').map(Id::new).collect::<Vec<_>>());
    let mut context = session.create_execution_ctx();
    let column = |(dtype, len): &(DType, usize)| -> Result<Column> {
        let bytes = ByteBuffer::copy_from(take(&mut file)?);
        let array = SerializedArray::try_from(bytes)?.decode(dtype, *len, &names, session)?;
        if !dtype.is_primitive() {
            let mut texts = Texts::default();
            let cells = array.execute::<VarBinViewArray>(&mut context)?;
            (0..*len).for_each(|row| texts.push(&cells.bytes_at(row)));
            return Ok(Column { values: Values::Texts(texts), present: None });
        }
        let present = if dtype.is_nullable() {
            let mask = array.validity()?.execute_mask(*len, &mut context)?;
            Some((0..*len).map(|row| u8::from(mask.value(row))).collect::<Vec<_>>())
        } else {
            None
        };
        let numbers = array.execute::<PrimitiveArray>(&mut context)?;
        let values = match numbers.ptype() {
            PType::I64 => Values::Integers(there(numbers.as_slice(), present.as_deref())),
            _ => Values::Doubles(there(numbers.as_slice(), present.as_deref())),
        };
        Ok(Column { values, present })
    };
    types.iter().map(column).collect()
}

fn there<T: Copy>(cells: &[T], present: Option<&[u8]>) -> Vec<T> {
    let is_there = |row: usize| present.is_none_or(|present| present[row] == 1);
    cells.iter().enumerate().filter(|&(row, _)| is_there(row)).map(|(_, &cell)| cell).collect()
}
