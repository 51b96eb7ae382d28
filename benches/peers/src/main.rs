//! Prints Markdown tables that set losslaw beside other compressors: sizes in bytes, decoding in MB/s.
//!
//! Arguments are files; without any, generated ones are taken. The argument `must` prints instead what the coders have to
//! reach, and fails when they do not; `--tables FOLDER` prints what effort `fast` must show on the CSV files of a
//! folder, and `--models FOLDER` the safetensors files of a folder, one of them also pruned. Everything runs in one process
//! on one thread, every decode is compared with its source, and a speed is that of the best of several decodes.

#[path = "../../common.rs"]
mod common;
mod entropy;
mod files;
mod measure;
mod models;
mod must;
mod numbers;
mod table;
mod tables;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    if paths == ["must"] {
        return if must::print()? { Ok(()) } else { Err("a row fails".into()) };
    }
    match &paths[..] {
        [flag, folder] if flag == "--tables" => return tables::print(folder.as_ref()),
        [flag, folder] if flag == "--models" => return models::print(folder.as_ref()),
        _ => {}
    }
    files::print(&paths)?;
    println!();
    numbers::print()?;
    println!();
    entropy::print()
}
