//! The command line, run as people run it.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use losslaw::container::{Kind, MAJOR, Tag, Writer};
use losslaw::model::{Dtype, Model, ModelBuilder};
use serde_json::Value;
use tempfile::TempDir;

/// A stretch of bytes: no checksum yet, then a node of codec 12345 without parameters and children.
const UNKNOWN_CODEC: &[u8] = &[0, 0, 0, 0, 0xb9, 0x60, 0, 0];

/// A folder with a table and its compressed form.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut csv = "id,rest,level\n".to_owned();
        for i in 0..3000 {
            writeln!(csv, "{i},{},{}", i * i % 17, ["low", "high"][i % 2]).unwrap();
        }
        fs::write(folder.path().join("t.csv"), csv).unwrap();
        let desk = Self { folder };
        assert!(desk.run(&["compress", "t.csv", "t.ll", "--block-rows", "1000"]).status.success());
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_losslaw")).current_dir(self.folder.path()).args(args).output().unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_slice(&self.run(args).stdout).expect("--json prints JSON")
    }

    /// Runs a command that must fail with one line on standard error, and returns that line.
    fn refused(&self, args: &[&str], code: i32) -> String {
        let output = self.run(args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        assert!(text.starts_with("losslaw: "), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        text
    }

    fn names(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(self.folder.path()).unwrap().map(name).collect();
        names.sort();
        names
    }
}

#[test]
fn a_table_comes_back_byte_for_byte() {
    let desk = Desk::new();
    let output = desk.run(&["decompress", "t.ll", "back.csv", "--threads", "2"]);
    assert!(output.status.success());
    assert_eq!(desk.read("back.csv"), desk.read("t.csv"));
    assert!(desk.run(&["verify", "t.ll"]).status.success());
    assert!(desk.run(&["verify", "t.ll", "t.csv"]).status.success());
    assert_eq!(desk.names(), ["back.csv", "t.csv", "t.ll"], "no temporary file is left");
}

#[test]
fn an_empty_file_comes_back_empty() {
    let desk = Desk::new();
    desk.write("empty", b"");
    assert!(desk.run(&["compress", "empty", "e.ll"]).status.success());
    assert!(desk.read("e.ll").len() <= 64);
    assert!(desk.run(&["decompress", "e.ll", "back"]).status.success());
    assert_eq!(desk.read("back"), b"");
}

#[test]
fn threads_and_verification_do_not_change_the_bytes() {
    let desk = Desk::new();
    let args = ["compress", "t.csv", "again.ll", "--threads", "1", "--no-verify", "--block-rows", "1000"];
    assert!(desk.run(&args).status.success());
    assert_eq!(desk.read("again.ll"), desk.read("t.ll"));
}

#[test]
fn a_pipeline_in_json_takes_the_place_of_options() {
    let desk = Desk::new();
    desk.write("p.json", br#"{"plan": {"codec": "Standardise", "children": [{"codec": "Huffman"}]}, "threads": 2}"#);
    let report = desk.json(&["compress", "t.csv", "p.ll", "--pipeline", "p.json", "--json"]);
    assert_eq!(report["columns"][1]["plan"], "Standardise → Huffman");
    assert!(desk.run(&["verify", "p.ll", "t.csv"]).status.success());
    desk.write("p.json", br#"{"plan": {"codec": "Lzma"}}"#);
    let refused = desk.run(&["compress", "t.csv", "q.ll", "--pipeline", "p.json"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("p.json: codec = Lzma"), "{refused:?}");
    assert!(!desk.path("q.ll").exists());
    assert_eq!(
        desk.run(&["compress", "t.csv", "q.ll", "--pipeline", "p.json", "--threads", "1"]).status.code(),
        Some(2)
    );
}

#[test]
fn the_parts_of_a_report_sum_to_the_file() {
    let desk = Desk::new();
    let report = desk.json(&["compress", "t.csv", "j.ll", "--json"]);
    let sum: u64 = report["parts"].as_array().unwrap().iter().map(|part| part["bytes"].as_u64().unwrap()).sum();
    let file = desk.read("j.ll").len() as u64;
    assert_eq!((sum, report["compressed_bytes"].as_u64()), (file, Some(file)));
    let ratio = file as f64 / desk.read("t.csv").len() as f64;
    assert!((report["ratio"].as_f64().unwrap() - ratio).abs() < 1e-12);
    let back = desk.json(&["decompress", "j.ll", "back.csv", "--json"]);
    assert_eq!(back["original_bytes"], report["original_bytes"]);
}

#[test]
fn inspect_accounts_for_every_byte_and_row() {
    let desk = Desk::new();
    let summary = desk.json(&["inspect", "t.ll", "--json"]);
    let sum = |list: &str, field: &str| -> u64 {
        summary[list].as_array().unwrap().iter().map(|entry| entry[field].as_u64().unwrap()).sum()
    };
    let file = desk.read("t.ll").len() as u64;
    assert_eq!(sum("sections", "bytes") + summary["frame_bytes"].as_u64().unwrap(), file);
    assert_eq!((sum("blocks", "rows"), summary["blocks"].as_array().unwrap().len()), (3000, 3));
    let text = String::from_utf8(desk.run(&["inspect", "t.ll"]).stdout).unwrap();
    assert!(text.starts_with(&format!("a table, format {MAJOR}.0, ")), "{text}");
    assert!(text.contains("columns") && text.contains("source bytes"), "{text}");
}

#[test]
fn verify_names_the_first_byte_that_differs() {
    let desk = Desk::new();
    let mut other = desk.read("t.csv");
    other[777] ^= 1;
    desk.write("other.csv", &other);
    let line = desk.refused(&["verify", "t.ll", "other.csv"], 1);
    assert!(line.contains("differs from other.csv at byte 777"), "{line}");
    let outcome = desk.json(&["verify", "t.ll", "other.csv", "--json"]);
    assert_eq!((&outcome["intact"], &outcome["first_difference"]), (&Value::from(true), &Value::from(777)));
    other.truncate(500);
    desk.write("other.csv", &other);
    assert!(desk.refused(&["verify", "t.ll", "other.csv"], 1).contains("at byte 500"));
}

#[test]
fn each_kind_of_bad_file_has_its_own_line() {
    let desk = Desk::new();
    let packed = desk.read("t.ll");
    let mut newer = packed.clone();
    newer[4] = MAJOR + 1;
    let mut damaged = packed.clone();
    damaged[packed.len() / 2] ^= 0x10;
    let mut unknown = Writer::new(Kind::Bytes);
    unknown.section(Tag::Bytes, 0, 0, UNKNOWN_CODEC);
    let reads = format!("this library reads {MAJOR}.x");
    let cases: [(&[u8], &str); 6] = [
        (&packed[..packed.len() - 1], "the file is cut"),
        (&packed[..5], "input ended inside header"),
        (b"id,rest\n1,2\n", "not a losslaw container"),
        (&newer, &reads),
        (&damaged, "was damaged after it was written"),
        (&unknown.finish(), "unknown codec id 12345"),
    ];
    for (bytes, says) in cases {
        desk.write("bad.ll", bytes);
        desk.write("kept", b"as it was");
        for args in [&["decompress", "bad.ll", "kept"][..], &["verify", "bad.ll"], &["verify", "bad.ll", "t.csv"]] {
            let line = desk.refused(args, 1);
            assert!(line.starts_with("losslaw: bad.ll: ") && line.contains(says), "{says}: {line}");
        }
        assert_eq!(desk.read("kept"), b"as it was", "a failure leaves the output alone");
        assert_eq!(desk.json(&["verify", "bad.ll", "--json"])["intact"], false);
    }
    assert!(desk.refused(&["inspect", "t.csv"], 1).contains("not a losslaw container"));
}

#[test]
fn paths_that_cannot_be_used_end_with_code_two() {
    let desk = Desk::new();
    fs::create_dir(desk.path("folder")).unwrap();
    let cases: [(&[&str], &str); 7] = [
        (&["compress", "missing", "out"], "missing: there is no such file"),
        (&["compress", "folder", "out"], "folder: is a folder"),
        (&["compress", "t.csv", "folder"], "folder: is a folder"),
        (&["compress", "t.csv", "nowhere/out"], "its folder does not exist"),
        (&["compress", "t.csv", "t.csv"], "is the input, too"),
        (&["decompress", "t.ll", "folder/../t.ll"], "is the input, too"),
        (&["verify", "t.ll", "missing"], "missing: there is no such file"),
    ];
    let before = (desk.names(), desk.read("t.csv"), desk.read("t.ll"));
    for (args, says) in cases {
        let line = desk.refused(args, 2);
        assert!(line.contains(says), "{says}: {line}");
    }
    assert_eq!((desk.names(), desk.read("t.csv"), desk.read("t.ll")), before);
    for args in [&["compress", "t.csv"][..], &["compress", "t.csv", "o", "--block-rows", "0"], &["guess"]] {
        assert_eq!(desk.run(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn an_effort_that_is_not_built_says_what_is_used_instead() {
    let desk = Desk::new();
    let output = desk.run(&["compress", "t.csv", "max.ll", "--effort", "max", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success());
    assert_eq!(report["effort_asked"], "max");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), usize::from(report["effort"] != "max"), "{said}");
}

/// A model of one matrix and one counter.
fn model() -> Vec<u8> {
    // Without a pattern: else the file would be smaller as bytes than as a model.
    let mixed = |i: u32| (i ^ i >> 7).wrapping_mul(0x2c1b_3c6d) ^ i.wrapping_mul(0x297a_2d39) >> 13;
    let weights: Vec<f32> =
        (0..6000u32).map(|i| (mixed(mixed(i).wrapping_add(i << 16)) >> 8) as f32 * 1e-7 - 0.8).collect();
    let model = Model::builder().metadata("format", "pt").f32("layer.weight", &[60, 100], &weights);
    model.unwrap().tensor("steps", Dtype::I64, &[], &[5; 8]).unwrap().build().unwrap().to_safetensors()
}

#[test]
fn a_model_comes_back_and_its_tensors_are_shown() {
    let desk = Desk::new();
    desk.write("m.safetensors", &model());
    let report = desk.json(&["compress", "m.safetensors", "m.ll", "--json"]);
    assert_eq!((&report["kind"], &report["tensors"][0]["name"]), (&Value::from("Model"), &Value::from("layer.weight")));
    assert!(desk.run(&["decompress", "m.ll", "back.safetensors"]).status.success());
    assert_eq!(desk.read("back.safetensors"), desk.read("m.safetensors"));
    let text = String::from_utf8(desk.run(&["inspect", "m.ll"]).stdout).unwrap();
    assert!(text.contains("layer.weight") && text.contains("[60, 100]") && text.contains("I64"), "{text}");
    let summary = desk.json(&["inspect", "m.ll", "--json"]);
    assert_eq!(summary["tensors"][0]["bytes"], report["tensors"][0]["bytes"]);
}

#[test]
fn a_large_model_is_coded_piece_by_piece() {
    let desk = Desk::new();
    // Two files above a megabyte: one whose weights a density codes, one of random bytes that only grow.
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    let weights: Vec<f32> = (0..300_000).map(|_| (next() % 1000) as f32 * (next() % 1000) as f32 * 1e-9).collect();
    let random: Vec<u8> = (0..1_200_000).map(|_| next() as u8).collect();
    let smooth = Model::builder().f32("w", &[300, 1000], &weights).and_then(ModelBuilder::build).unwrap();
    let noise = Model::builder().tensor("w", Dtype::U8, &[1200, 1000], &random).and_then(ModelBuilder::build).unwrap();
    for (model, shrinks) in [(smooth, true), (noise, false)] {
        let file = model.to_safetensors();
        desk.write("m.safetensors", &file);
        let report = desk.json(&["compress", "m.safetensors", "m.ll", "--json"]);
        let packed = desk.read("m.ll");
        assert_eq!(report["compressed_bytes"], packed.len());
        assert!(if shrinks { packed.len() * 10 < file.len() * 9 } else { packed.len() <= file.len() + 64 });
        let restored = desk.json(&["decompress", "m.ll", "again.safetensors", "--json"]);
        assert_eq!(
            (&restored["compressed_bytes"], &restored["original_bytes"]),
            (&packed.len().into(), &file.len().into())
        );
        assert!(desk.read("again.safetensors") == file);
    }
    let mut damaged = desk.read("m.ll");
    damaged[20] ^= 1;
    desk.write("bad.ll", &damaged);
    desk.refused(&["decompress", "bad.ll", "out.safetensors"], 1);
    assert!(!desk.path("out.safetensors").exists());
}

#[test]
fn a_checkpoint_needs_its_base() {
    let desk = Desk::new();
    let first = model();
    let mut second = first.clone();
    // Every weight moves by its last place; the last eight bytes are a counter.
    let weights = second.len() - 8 - 24_000;
    second[weights..].as_chunks_mut::<4>().0.iter_mut().for_each(|word| word[0] ^= 1);
    desk.write("1.safetensors", &first);
    desk.write("2.safetensors", &second);
    let report = desk.json(&["compress", "2.safetensors", "2.ll", "--base", "1.safetensors", "--json"]);
    assert_eq!(report["tensors"][0]["base"], "Difference");
    assert!(report["compressed_bytes"].as_u64() < Some(6000), "{report}");
    assert!(desk.run(&["decompress", "2.ll", "back", "--base", "1.safetensors"]).status.success());
    assert_eq!(desk.read("back"), second);
    let hash = losslaw::model::Fingerprint::of(&first).to_string();
    assert_eq!(desk.json(&["inspect", "2.ll", "--json"])["base"], hash.as_str());
    assert!(String::from_utf8(desk.run(&["inspect", "2.ll"]).stdout).unwrap().contains(&hash));
    let other = losslaw::model::Fingerprint::of(&second).to_string();
    let missing = desk.refused(&["decompress", "2.ll", "no"], 1);
    assert!(missing.contains(&hash) && missing.contains("--base"), "{missing}");
    let wrong = desk.refused(&["decompress", "2.ll", "no", "--base", "2.safetensors"], 1);
    assert!(wrong.contains(&hash) && wrong.contains(&other), "{wrong}");
    assert!(
        desk.refused(&["compress", "t.csv", "no", "--base", "1.safetensors"], 1).contains("not a safetensors model")
    );
    assert!(desk.refused(&["compress", "2.safetensors", "no", "--base", "t.csv"], 1).contains("t.csv"));
}

#[test]
fn prune_writes_a_model_of_the_same_shapes_and_says_what_was_lost() {
    let desk = Desk::new();
    desk.write("m.safetensors", &model());
    for rule in [["--keep", "0.25"], ["--threshold", "0.4"], ["--std", "1"], ["--l1", "0.3"], ["--n-of-m", "2:4"]] {
        let args = [&["prune", "m.safetensors", "p.safetensors", "--json"][..], &rule].concat();
        let account = desk.json(&args);
        let (file, before) = (desk.read("p.safetensors"), desk.read("m.safetensors"));
        let (pruned, original) = (Model::from_safetensors(&file).unwrap(), Model::from_safetensors(&before).unwrap());
        assert_eq!(pruned.header(), original.header());
        let weights = |model: &Model<'_>| model.tensor("layer.weight").unwrap().to_f64s().unwrap();
        let (z, w) = (weights(&pruned), weights(&original));
        let norm = |weights: &[f64]| weights.iter().map(|weight| weight * weight).sum::<f64>();
        let own = &account["tensors"][0];
        assert_eq!(own["pruned"]["kept"].as_u64().unwrap() as usize, z.iter().filter(|&&weight| weight != 0.0).count());
        assert!((account["norm_ratio"].as_f64().unwrap() - norm(&z) / norm(&w)).abs() < 1e-9, "{rule:?}");
        assert!(own["bytes_after"].as_u64() < own["bytes_before"].as_u64(), "{rule:?}");
        assert!(account["tensors"][1]["pruned"].is_null());
        if rule[0] == "--keep" {
            assert_eq!(own["pruned"]["kept"], 1500);
        }
    }
    let spared = desk.json(&["prune", "m.safetensors", "p", "--keep", "0", "--except", "layer.*", "--json"]);
    assert!(spared["tensors"][0]["pruned"].is_null());
    assert_eq!(desk.read("p"), desk.read("m.safetensors"));
    let text = String::from_utf8(desk.run(&["prune", "m.safetensors", "p", "--keep", "0.5"]).stdout).unwrap();
    assert!(text.contains("3000") && text.contains("TopK: C' = "), "{text}");
}

#[test]
fn prune_refuses_what_it_cannot_do() {
    let desk = Desk::new();
    desk.write("m.safetensors", &model());
    assert!(desk.refused(&["prune", "t.csv", "p", "--keep", "0.5"], 1).contains("not a safetensors model"));
    assert!(desk.refused(&["prune", "m.safetensors", "p", "--keep", "7"], 2).contains("share = 7"));
    assert!(desk.refused(&["prune", "m.safetensors", "m.safetensors", "--keep", "1"], 2).contains("is the input, too"));
    for args in [&["--keep", "1", "--std", "1"][..], &[], &["--n-of-m", "2"]] {
        let output = desk.run(&[&["prune", "m.safetensors", "p"][..], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
    assert!(!desk.path("p").exists());
}

#[test]
fn a_column_is_measured_and_a_law_is_fitted_to_the_runs() {
    let desk = Desk::new();
    let runs =
        desk.run(&["scaling", "measure", "t.csv", "--column", "rest", "--kind", "prequential", "--sizes", "1,8"]);
    assert!(runs.status.success());
    desk.write("runs.csv", &runs.stdout);
    let fit = desk.json(&["scaling", "fit", "runs.csv", "--law", "power-d", "--bootstrap", "50", "--json"]);
    assert_eq!(fit["law"], "power law in D");
    assert_eq!(fit["parameters"][0]["name"], "E");
    assert!(fit["parameters"][0]["interval_95"]["low"].is_number());
    let bytes = desk.json(&["scaling", "measure", "t.csv", "--kind", "held-out", "--json"]);
    assert_eq!(bytes["kind"], "held_out");
    let shown = desk.run(&["scaling", "fit", "runs.csv", "--bootstrap", "50", "--only", "params=8"]);
    assert!(String::from_utf8(shown.stdout).unwrap().contains("objective"));
}

#[test]
fn a_law_chosen_among_all_forecasts_with_an_interval() {
    let desk = Desk::new();
    let law = |n: f64, d: f64| 1.8 + 400.0 / n.powf(0.35) + 2000.0 / d.powf(0.37);
    let places = (0..5).flat_map(|i| (0..6).map(move |j| (1e8 * 2f64.powi(i), 2e9 * 2f64.powi(j))));
    let lines = places.map(|(n, d)| format!("{n},{d},{}\n", law(n, d)));
    desk.write("runs.csv", format!("params,tokens,loss\n{}", lines.collect::<String>()).as_bytes());
    let fit = desk.json(&["scaling", "fit", "runs.csv", "--bootstrap", "20", "--forecast", "1e10,1e12", "--json"]);
    assert_eq!(fit["law"], "chinchilla");
    let bootstrap = &fit["bootstrap"];
    assert_eq!((&bootstrap["seed"], &bootstrap["resamples"]), (&0.into(), &20.into()));
    assert_eq!(bootstrap["resampling"], "cases, independent");
    let (forecast, truth) = (&fit["forecasts"][0], law(1e10, 1e12));
    assert!((forecast["loss"].as_f64().unwrap() / truth - 1.0).abs() < 1e-3);
    let end = |name: &str| forecast["interval_90"][name].as_f64().unwrap();
    assert!(end("low") < 1.001 * truth && end("high") > 0.999 * truth);
    let shown = desk.run(&["scaling", "fit", "runs.csv", "--bootstrap", "20", "--forecast", "1e10, 1e12"]);
    assert!(String::from_utf8(shown.stdout).unwrap().contains("forecast at N = 10000000000, D = 1000000000000"));
    let refused = desk.run(&["scaling", "fit", "runs.csv", "--forecast", "1e10"]);
    assert!(refused.status.code() == Some(2) && String::from_utf8(refused.stderr).unwrap().contains("N,D"));
    assert_eq!(desk.run(&["scaling", "fit", "runs.csv", "--forecast", "1e10,-3"]).status.code(), Some(2));
}

#[cfg(feature = "plot")]
#[test]
fn pictures_of_a_fit_stand_beside_their_numbers() {
    let desk = Desk::new();
    let places = (0..4).flat_map(|i| (0..6).map(move |j| (1e8 * 2f64.powi(i), 2e9 * 2f64.powi(j))));
    let lines = places.map(|(n, d)| format!("{n},{d},{}\n", 1.8 + 400.0 / n.powf(0.35) + 2000.0 / d.powf(0.37)));
    desk.write("runs.csv", format!("n,d,loss\n{}", lines.collect::<String>()).as_bytes());
    let law = ["--law", "chinchilla", "--bootstrap", "20"];
    assert!(desk.run(&[&["scaling", "fit", "runs.csv", "--svg", "pictures"][..], &law].concat()).status.success());
    for name in ["loss_by_data", "residuals", "equal_compute"] {
        assert!(desk.read(&format!("pictures/{name}.svg")).starts_with(b"<svg"), "{name}");
        assert!(desk.read(&format!("pictures/{name}.csv")).starts_with(b"what,"), "{name}");
    }
}

#[cfg(feature = "plot")]
#[test]
fn a_picture_of_a_table_shows_the_bytes_of_each_column() {
    let desk = Desk::new();
    assert!(desk.run(&["explain", "t.csv", "--svg", "pictures"]).status.success());
    assert!(desk.read("pictures/bytes_by_part.svg").starts_with(b"<svg"));
    let csv = String::from_utf8(desk.read("pictures/bytes_by_part.csv")).unwrap();
    assert!(csv.starts_with("what,name,bytes,bits_per_value,ratio\n") && csv.contains("\ncolumn,rest,"), "{csv}");
    desk.write("file", b"");
    assert_eq!(desk.run(&["explain", "t.csv", "--svg", "file"]).status.code(), Some(1));
}

#[test]
fn bad_runs_are_named_by_line_and_column() {
    let desk = Desk::new();
    desk.write("empty.csv", b"");
    assert!(desk.refused(&["scaling", "fit", "empty.csv"], 1).contains("line 1 is empty"));
    desk.write("header.csv", b"params,data,loss\n");
    assert!(desk.refused(&["scaling", "fit", "header.csv"], 1).contains("line 2 is not there"));
    desk.write("bad.csv", b"params,data,loss\n1,2,3\n1,-2,3\n");
    assert!(desk.refused(&["scaling", "fit", "bad.csv"], 1).contains("line 3, column \"data\""));
    desk.write("few.csv", b"params,data,loss\n1,2,3\n2,2,3\n");
    assert!(desk.refused(&["scaling", "fit", "few.csv", "--law", "chinchilla"], 1).contains("fewer runs"));
    assert!(desk.refused(&["scaling", "fit", "few.csv", "--loss", "price"], 2).contains("price"));
    assert!(desk.refused(&["scaling", "measure", "t.csv", "--column", "none"], 2).contains("none"));
}

#[test]
fn explain_tells_what_each_column_costs_alone() {
    let desk = Desk::new();
    let told = desk.json(&["explain", "t.csv", "--json"]);
    let columns = told["columns"].as_array().unwrap();
    assert_eq!(columns.len(), 3);
    for column in columns {
        assert!(column["order0_bits"].as_f64().unwrap() >= 0.0);
        assert!(column["alone_bytes"].as_u64().is_some() && column["coded"]["parents"].is_array());
    }
    let text = String::from_utf8(desk.run(&["explain", "t.csv"]).stdout).unwrap();
    assert!(text.contains("order-0") && text.lines().any(|line| line.starts_with("level")), "{text}");
    assert!(!desk.run(&["explain", "t.ll"]).status.success());
}
