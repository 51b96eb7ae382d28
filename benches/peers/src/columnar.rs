//! Formats of columns: Parquet with dictionaries and zstd, and pco with zstd for what is no number.

use std::sync::Arc;

use bytes::Bytes;
use losslaw::wire::{Reader, put_bytes, put_varint};
use parquet::basic::{Compression, Repetition, Type as Physical, ZstdLevel};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;
use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress};

use crate::Result;
use crate::typed::{Column, Texts, Values};

/// Level of zstd inside both.
const LEVEL: i32 = 19;

pub fn to_parquet(columns: &[Column]) -> Result<Vec<u8>> {
    let field = |(at, column): (usize, &Column)| -> Result<Arc<Type>> {
        let physical = match column.values {
            Values::Integers(_) => Physical::INT64,
            Values::Doubles(_) => Physical::DOUBLE,
            Values::Texts(_) => Physical::BYTE_ARRAY,
        };
        let repetition = if column.present.is_some() { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        Ok(Arc::new(Type::primitive_type_builder(&format!("c{at}"), physical).with_repetition(repetition).build()?))
    };
    let fields = columns.iter().enumerate().map(field).collect::<Result<_>>()?;
    let schema = Arc::new(Type::group_type_builder("table").with_fields(fields).build()?);
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?)).build();
    let mut writer = SerializedFileWriter::new(vec![], schema, Arc::new(properties))?;
    let mut rows = writer.next_row_group()?;
    for column in columns {
        let present = column.present.as_deref();
        match &column.values {
            Values::Integers(values) => put::<Int64Type>(&mut rows, values, present)?,
            Values::Doubles(values) => put::<DoubleType>(&mut rows, values, present)?,
            Values::Texts(values) => {
                let values: Vec<ByteArray> = values.cells().map(ByteArray::from).collect();
                put::<ByteArrayType>(&mut rows, &values, present)?;
            }
        }
    }
    rows.close()?;
    Ok(writer.into_inner()?)
}

fn put<T: DataType>(
    rows: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
    present: Option<&[u8]>,
) -> Result<()> {
    let mut column = rows.next_column()?.ok_or("the schema has as many columns")?;
    let levels: Option<Vec<i16>> = present.map(|present| present.iter().map(|&there| i16::from(there)).collect());
    column.typed::<T>().write_batch(values, levels.as_deref(), None)?;
    Ok(column.close()?)
}

pub fn from_parquet(file: &[u8]) -> Result<Vec<Column>> {
    let reader = SerializedFileReader::new(Bytes::copy_from_slice(file))?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let rows = reader.get_row_group(0)?;
    let column = |at: usize| {
        let optional = schema.column(at).max_def_level() > 0;
        Ok(match schema.column(at).physical_type() {
            Physical::INT64 => {
                let (values, present) = take::<Int64Type>(&*rows, at, optional)?;
                Column { values: Values::Integers(values), present }
            }
            Physical::DOUBLE => {
                let (values, present) = take::<DoubleType>(&*rows, at, optional)?;
                Column { values: Values::Doubles(values), present }
            }
            _ => {
                let (values, present) = take::<ByteArrayType>(&*rows, at, optional)?;
                let mut texts = Texts::default();
                values.iter().for_each(|cell| texts.push(cell.data()));
                Column { values: Values::Texts(texts), present }
            }
        })
    };
    (0..rows.num_columns()).map(column).collect()
}

type Taken<T> = (Vec<T>, Option<Vec<u8>>);

fn take<T: DataType>(rows: &dyn RowGroupReader, at: usize, optional: bool) -> Result<Taken<T::T>> {
    let mut reader = get_typed_column_reader::<T>(rows.get_column_reader(at)?);
    let (mut values, mut levels) = (vec![], vec![]);
    let all = usize::try_from(rows.metadata().num_rows())?;
    let mut read = 0;
    while read < all {
        let (more, _, _) = reader.read_records(all - read, optional.then_some(&mut levels), None, &mut values)?;
        if more == 0 {
            return Err("the column is short".into());
        }
        read += more;
    }
    Ok((values, optional.then(|| levels.iter().map(|&level| u8::from(level > 0)).collect())))
}

pub fn to_pco(columns: &[Column]) -> Result<Vec<u8>> {
    let config = ChunkConfig::default().with_compression_level(8);
    let mut out = vec![];
    put_varint(&mut out, columns.len() as u64);
    for column in columns {
        let packed = match &column.values {
            Values::Integers(values) => (0, simple_compress(values, &config)?),
            Values::Doubles(values) => (1, simple_compress(values, &config)?),
            Values::Texts(texts) => {
                let mut joined = vec![];
                texts.cells().for_each(|cell| put_bytes(&mut joined, cell));
                put_varint(&mut out, texts.lengths.len() as u64 + 2);
                put_varint(&mut out, joined.len() as u64);
                put_bytes(&mut out, &zstd::bulk::compress(&joined, LEVEL)?);
                continue;
            }
        };
        put_varint(&mut out, packed.0);
        put_bytes(&mut out, &packed.1);
        let present = column.present.as_deref().unwrap_or_default();
        put_varint(&mut out, present.len() as u64);
        put_bytes(&mut out, &zstd::bulk::compress(present, LEVEL)?);
    }
    Ok(out)
}

pub fn from_pco(file: &[u8]) -> Result<Vec<Column>> {
    let mut reader = Reader::new(file, "columns");
    let count = reader.varint()?;
    let column = |_| {
        let kind = reader.varint()?;
        if kind >= 2 {
            let len = usize::try_from(reader.varint()?)?;
            let joined = zstd::bulk::decompress(reader.bytes()?, len)?;
            let (mut cells, mut texts) = (Reader::new(&joined, "cells"), Texts::default());
            for _ in 2..kind {
                texts.push(cells.bytes()?);
            }
            return Ok(Column { values: Values::Texts(texts), present: None });
        }
        let packed = reader.bytes()?;
        let values = match kind {
            0 => Values::Integers(simple_decompress(packed)?),
            _ => Values::Doubles(simple_decompress(packed)?),
        };
        let rows = usize::try_from(reader.varint()?)?;
        let present = zstd::bulk::decompress(reader.bytes()?, rows)?;
        Ok(Column { values, present: (rows > 0).then_some(present) })
    };
    (0..count).map(column).collect()
}
