//! Tables of odd shapes, and blocks that decode alone.

use std::fmt::Write;

use losslaw::table::Table;
use losslaw::{Decoder, Effort, Pipeline, decompress};

/// A generator without state outside: the same numbers on every machine.
fn noise(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    }
}

fn returns(csv: &str) -> usize {
    let packed = Pipeline::builder().verify(false).build().unwrap().compress(csv.as_bytes()).unwrap().bytes;
    assert!(decompress(&packed).unwrap() == csv.as_bytes(), "{}", &csv[..csv.len().min(60)]);
    assert!(packed.len() <= csv.len() + 64, "{} bytes for {}", packed.len(), csv.len());
    packed.len()
}

/// Rows of independent columns and one that depends on the first two.
fn rows(count: usize) -> String {
    let (mut next, mut csv) = (noise(7), "a,b,sum,kind\n".to_owned());
    for _ in 0..count {
        let (a, b) = (next() % 50, next() % 20);
        writeln!(csv, "{a},{b},{},{}", a + b, ["low", "mid", "high"][(a / 17) as usize]).unwrap();
    }
    csv
}

#[test]
fn tables_of_any_shape_return_and_never_grow() {
    for tiny in ["a\n", "a,b\n1,2\n", "a,b\n1,2\n3,4", "1\n2\n3\n", ",\n,\n", "x;y\n1;2\n1;2\n1;2\n"] {
        returns(tiny);
    }
    let single: String = (0..5000).map(|i| (i % 91).to_string() + "\n").collect();
    assert!(returns(&single) < 700);
    let constant = "7,up,0.50,\n".repeat(20_000);
    assert!(returns(&constant) < 400, "nothing changes");
    let mut next = noise(1);
    let unique: String =
        (0..3000).fold(String::new(), |all, i| all + &format!("{i},{:08x}{:08x},{}\n", next(), next(), next()));
    assert!(returns(&unique) < unique.len() * 2 / 3);
}

#[test]
fn wide_tables_cost_in_proportion_to_their_columns() {
    let wide = |columns: usize| {
        let mut next = noise(columns as u64);
        let mut csv = String::new();
        for _ in 0..200 {
            let cells: Vec<String> = (0..columns).map(|c| (next() % (2 + c as u64 % 9)).to_string()).collect();
            writeln!(csv, "{}", cells.join(",")).unwrap();
        }
        csv
    };
    let (narrow, broad) = (returns(&wide(250)), returns(&wide(1000)));
    assert!(broad < 5 * narrow, "{narrow} {broad}");
}

#[test]
fn small_blocks_cost_at_most_a_hundredth() {
    let csv = rows(60_000);
    let table = Table::from_csv(csv.as_bytes()).unwrap();
    for effort in [Effort::Fast, Effort::Balanced] {
        let pipeline = |rows| Pipeline::builder().effort(effort).block_rows(rows).build().unwrap();
        let bytes = |rows| pipeline(rows).compress_table(&table).unwrap().bytes.len();
        let (whole, small) = (bytes(1 << 20), bytes(16_384));
        assert!(small * 100 <= whole * 101, "{effort}: {small} bytes in small blocks, {whole} in one");
    }
}

#[test]
fn blocks_decode_alone_and_make_up_the_source() {
    let mut csv = rows(1000);
    csv.push_str("a line that is no row\n");
    csv.push_str(&rows(500)["a,b,sum,kind\n".len()..]);
    csv.truncate(csv.len() - 1);
    let table = Table::from_csv(csv.as_bytes()).unwrap();
    let packed = Pipeline::builder().block_rows(400).build().unwrap().compress_table(&table).unwrap();
    let decoder = Decoder::default();
    let mut whole = vec![];
    for number in 0..packed.report.blocks {
        whole.extend(decoder.block(&packed.bytes, number).unwrap().unwrap());
    }
    assert!(whole == csv.as_bytes());
    assert_eq!(packed.report.blocks, 4);
    assert!(decoder.block(&packed.bytes, 4).unwrap().is_none());
    let bytes = Pipeline::builder().build().unwrap().compress_bytes(b"no table").unwrap();
    assert!(decoder.block(&bytes.bytes, 0).is_err());
}
