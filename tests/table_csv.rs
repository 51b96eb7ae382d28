//! Tables round trip byte for byte, whole and in blocks, and hostile bytes are errors.

use std::path::PathBuf;

use losslaw::table::{Kind, Number, RowData, Schema, Spelling, Table};
use losslaw::wire::Reader;
use losslaw::{Budget, Error, Lane, Limits};
use proptest::prelude::*;

fn write_schema(schema: &Schema) -> (Vec<u8>, Vec<Lane>) {
    let (mut bytes, mut lanes) = (vec![], vec![]);
    schema.write(false, &mut bytes, &mut lanes);
    (bytes, lanes)
}

fn read_schema(bytes: &[u8], lanes: Vec<Lane>) -> Result<Schema, Error> {
    let mut reader = Reader::new(bytes, "schema");
    let schema = Schema::read(&mut reader, &mut lanes.into_iter(), &mut Budget::new(&Limits::default()))?;
    reader.end()?;
    Ok(schema)
}

/// Whole, through the bytes of the schema, and in blocks of `block` rows.
fn assert_returns(csv: &[u8], block: usize) {
    let table = match Table::from_csv(csv) {
        Ok(table) => table,
        Err(Error::NotATable(_)) => return,
        Err(other) => panic!("{other}"),
    };
    assert!(table.to_csv() == csv, "the whole table differs");
    let (bytes, lanes) = write_schema(table.schema());
    let schema = read_schema(&bytes, lanes).unwrap();
    assert!(&schema == table.schema(), "the schema differs");
    let mut out = vec![];
    schema.write_start(&mut out);
    for start in (0..table.rows()).step_by(block) {
        let end = table.rows().min(start + block);
        schema.write_rows(&table.block(start..end), end == table.rows(), &mut out).unwrap();
    }
    assert!(out == csv, "the blocks differ");
}

fn cell() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "-?[0-9]{1,4}".prop_map(String::into_bytes),
        2 => "[0-9]{1,2}[.][0-9]{1,3}".prop_map(String::into_bytes),
        1 => "\"[a,;\n\" ]{0,4}\"".prop_map(String::into_bytes),
        1 => "(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]".prop_map(String::into_bytes),
        1 => Just(vec![]),
        1 => Just(b"NA".to_vec()),
        1 => prop::collection::vec(prop_oneof![Just(0u8), Just(0xff), Just(b'"'), Just(b' '), Just(b'x')], 0..4),
    ]
}

fn csv() -> impl Strategy<Value = Vec<u8>> {
    let columns = prop_oneof![
        3 => prop::collection::vec(prop::collection::vec(cell(), 1..4), 1..6),
        1 => prop::collection::vec(Just(vec![b"0".to_vec(), b"1".to_vec()]), 3..6),
    ];
    let line_end = prop_oneof![Just("\n"), Just("\r\n")];
    let odd = prop::option::of(prop_oneof![Just("\n"), Just("\r\n"), Just("x\n"), Just("1,2,3,4,5,6,7,8\n")]);
    let delimiter = prop::sample::select(vec![b',', b';', b'\t', b'|']);
    (columns, line_end, odd, delimiter, 2usize..60, any::<[bool; 3]>(), any::<u64>()).prop_map(
        |(columns, line_end, odd, delimiter, rows, [has_header, is_open, has_mark], seed)| {
            let mut out = if has_mark { b"\xef\xbb\xbf".to_vec() } else { vec![] };
            if has_header {
                let names: Vec<String> = (0..columns.len()).map(|at| format!("name{at}")).collect();
                out.extend(names.join(&(delimiter as char).to_string()).into_bytes());
                out.extend_from_slice(line_end.as_bytes());
            }
            let mut state = seed | 1;
            for row in 0..rows {
                if let Some(odd) = odd
                    && row == rows / 2
                {
                    out.extend_from_slice(odd.as_bytes());
                }
                for (at, choices) in columns.iter().enumerate() {
                    if at > 0 {
                        out.push(delimiter);
                    }
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    out.extend_from_slice(&choices[(state >> 33) as usize % choices.len()]);
                }
                if row + 1 < rows || !is_open {
                    out.extend_from_slice(line_end.as_bytes());
                }
            }
            out
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn made_up_tables_return(csv in csv(), block in 1usize..40) {
        assert_returns(&csv, block);
    }

    #[test]
    fn texts_made_of_other_cells_return(
        ids in prop::collection::vec(prop_oneof![0u32..20, any::<u32>()], 2..200),
        odd in prop::collection::vec(0usize..200, 0..12),
        is_quoted: bool,
        block in 1usize..90,
    ) {
        assert_returns(&made_of_others(&ids, &odd, is_quoted), block);
    }

    #[test]
    fn any_bytes_are_no_table_or_return(
        bytes in prop::collection::vec(prop::sample::select(b"01-.,;\"\n\r \tax\xff\0|".to_vec()), 0..300),
        block in 1usize..9,
    ) {
        assert_returns(&bytes, block);
    }

    #[test]
    fn damaged_schemas_are_errors_or_schemas(csv in csv(), at: prop::sample::Index, byte: u8, cut: bool) {
        let Ok(table) = Table::from_csv(&csv) else { return Ok(()) };
        let (mut bytes, mut lanes) = write_schema(table.schema());
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = byte;
        }
        if at % 3 == 0 {
            lanes.pop();
        }
        if let Ok(schema) = read_schema(&bytes, lanes) {
            let mut out = vec![];
            let _ = schema.write_rows_within(&table.block(0..table.rows()), true, &mut out, 1 << 20);
        }
    }

    #[test]
    fn damaged_rows_are_errors_or_rows(csv in csv(), column: prop::sample::Index, row: prop::sample::Index, word: u64) {
        let Ok(table) = Table::from_csv(&csv) else { return Ok(()) };
        let mut rows = table.block(0..table.rows());
        let index = column.index(rows.columns.len());
        let column = &mut rows.columns[index];
        let mut words = column.ordinals.to_u64s();
        let at = row.index(words.len());
        words[at] = word;
        column.ordinals = Lane::narrowest(words);
        let _ = table.schema().write_rows_within(&rows, true, &mut vec![], 1 << 20);
        let column = &mut rows.columns[index];
        column.escapes.pop();
        column.text.pop();
        let _ = table.schema().write_rows_within(&rows, true, &mut vec![], 1 << 20);
    }
}

#[test]
fn columns_get_the_kinds_a_person_would_give() {
    let mut csv = b"zip,price,gone,day,key,hot1,hot2,hot3,drift,note\r\n".to_vec();
    for row in 0..200u64 {
        let gone = if row % 3 == 0 { "NA".into() } else { format!("{}.0", row % 50) };
        let drift = if row % 2 == 0 { 0.1 + 0.2 } else { 0.25 + row as f64 };
        let hot = ["1,0,0", "0,1,0", "0,0,1"][row as usize % 3];
        let (price, day, key) = (row as f64 / 4.0, row % 28 + 1, row % 7 * 1_000_003);
        csv.extend_from_slice(
            format!(
                "{row:05},${price:.2},{gone},2024-02-{day:02} 10:00,{key},{hot},{drift:?},\"say {row} or {key}\"\r\n"
            )
            .as_bytes(),
        );
    }
    let table = Table::from_csv(&csv).unwrap();
    assert!(table.to_csv() == csv);
    let column = |name: &str| &table.columns()[table.column_index(name).unwrap()];
    assert_eq!(column("zip").kind, Kind::Number(Number::Code { width: 5, min: 0 }));
    assert_eq!(column("price").kind, Kind::Number(Number::Decimal { min: 0, scale: 2, spelling: Spelling::Fixed }));
    assert_eq!(column("price").prefix, b"$");
    assert_eq!(column("gone").kind, Kind::Number(Number::Integer { min: 0 }));
    assert_eq!((column("gone").suffix.as_slice(), &column("gone").specials), (b".0".as_slice(), &vec![b"NA".to_vec()]));
    assert!(matches!(column("day").kind, Kind::Ranked { number: Number::DateTime { .. }, .. }));
    assert!(matches!(&column("key").kind, Kind::Ranked { values, .. } if values.len() == 7));
    assert_eq!(column("hot1").kind, Kind::OneHot { width: 3 });
    assert_eq!(table.columns()[table.column_index("drift").unwrap() + 1].kind, Kind::Noise);
    assert_eq!(column("note").kind, Kind::Text);
    assert_eq!((column("gone").first_value(), column("gone").is_ordered()), (2, true));
    assert_returns(&csv, 37);
}

/// Rows of an id, two names, and an address and a full name made of them but where `odd` says otherwise.
fn made_of_others(ids: &[u32], odd: &[usize], is_quoted: bool) -> Vec<u8> {
    let mut csv = b"id,first,last,address,name,copy\n".to_vec();
    for (row, id) in ids.iter().enumerate() {
        let (first, last) = (["Ann", "Bo", "Zoë"][*id as usize % 3], format!("Mc{:x}", id.wrapping_mul(2_654_435_761)));
        let name = if is_quoted { format!("\"{first} {last}\"") } else { format!("{first} {last}") };
        let small = last.to_ascii_lowercase();
        let copy = if odd.contains(&row) { "not the same" } else { &name };
        csv.extend(format!("{id},{first},{last},https://x.org/{small}/{id}?q=1,{name},{copy}\n").into_bytes());
    }
    csv
}

#[test]
fn texts_that_other_cells_make_up_are_found_whatever_their_exceptions() {
    let ids: Vec<u32> = (0..600).map(|i| i * i * 31).collect();
    for is_quoted in [false, true] {
        let csv = made_of_others(&ids, &[3, 70, 599], is_quoted);
        let table = Table::from_csv(&csv).unwrap();
        let is_derived = |name: &str| {
            let column = &table.columns()[table.column_index(name).unwrap()];
            matches!(column.kind, Kind::Derived { .. })
        };
        // Of a name and its copy either is made of the other, and the address holds the number and a name in small letters.
        assert!(is_derived("address") && is_derived("name"), "{:?}", table.columns());
        for block in [1, 100, 600] {
            assert_returns(&csv, block);
        }
    }
}

#[test]
fn what_stands_beside_one_usual_cell_has_a_type() {
    let sparse = |cell: fn(u32) -> String| {
        let rows = (0..4000u32).map(|row| format!("{row},{}\n", if row % 37 == 5 { cell(row) } else { String::new() }));
        Table::from_csv(format!("row,value\n{}", rows.collect::<String>()).as_bytes()).unwrap()
    };
    let numbers = sparse(|row| format!("{}.25", row * row % 9999));
    assert!(matches!(numbers.columns()[1].kind, Kind::Number(Number::Decimal { .. }) | Kind::Ranked { .. }));
    assert_eq!(numbers.columns()[1].specials, [b"".to_vec()]);
    let dates = sparse(|row| format!("2021-{:02}-{:02}", 1 + row % 12, 1 + row % 28));
    assert!(matches!(dates.columns()[1].kind, Kind::Number(Number::DateTime { .. }) | Kind::Ranked { .. }));
    for table in [numbers, dates] {
        assert_returns(&table.to_csv(), 1000);
    }
}

#[test]
fn ragged_blank_and_odd_lines_stay_where_they_were() {
    let mut csv = b"\xef\xbb\xbf# made by hand\na;b\n".to_vec();
    for row in 0..100 {
        csv.extend_from_slice(match row {
            7 => b"\n".as_slice(),
            21 => b"1;2;3\n",
            30 => b"4;x\r\n",
            _ => b"5;\"y;\n\"\n",
        });
    }
    csv.extend_from_slice(b"\n6;\"z");
    let table = Table::from_csv(&csv).unwrap();
    assert_eq!((table.rows(), table.column_index("b")), (98, Some(1)));
    assert_eq!(table.block(0..table.rows()).irregular.len(), 4);
    for block in [1, 7, 30, 100] {
        assert_returns(&csv, block);
    }
}

#[test]
fn rows_that_do_not_fit_the_schema_are_corrupt() {
    let table = Table::from_csv(b"a,b\n1,x\n2,y\n").unwrap();
    let rows = RowData { rows: 2, columns: vec![], irregular: vec![] };
    assert!(matches!(table.schema().write_rows(&rows, true, &mut vec![]), Err(Error::Corrupt { .. })));
}

#[test]
fn unclosed_quotes_swallow_nothing_and_cost_little() {
    let mut csv = b"a,b\n".to_vec();
    for row in 0..200_000 {
        csv.extend_from_slice(format!("{row},\"x{}\n", row % 7).as_bytes());
    }
    csv.extend_from_slice(b"1,2\n");
    let table = Table::from_csv(&csv).unwrap();
    assert_eq!(table.rows(), 200_001);
    assert_returns(&csv, 1 << 16);
}

#[test]
fn prose_and_single_rows_are_no_tables() {
    for bytes in [b"".as_slice(), b"a,b", b"a,b\n", b"one line\nanother, longer\nand a third\nno end, is, it\n"] {
        assert!(matches!(Table::from_csv(bytes), Err(Error::NotATable(_))), "{}", bytes.escape_ascii());
    }
}

#[test]
fn real_tables_return_where_they_are_present() {
    let folder = std::env::var_os("LOSSLAW_DATA").map_or_else(|| PathBuf::from("../shared/data/tables"), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: there is no folder {}; set LOSSLAW_DATA", folder.display());
        return;
    };
    for path in entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "csv")) {
        let bytes = std::fs::read(&path).unwrap();
        println!("{}", path.display());
        assert_returns(&bytes, 10_000);
    }
}
