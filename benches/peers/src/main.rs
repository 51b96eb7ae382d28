//! Prints Markdown tables that set losslaw beside other compressors: sizes in bytes, decoding in MB/s.
//!
//! Arguments are files; without any, generated ones are taken. The argument `must` prints instead what the coders have to
//! reach, and fails when they do not (`must PART`: only `huffman`, `rans`, `grouped` or `files`); `coders` prints each codec
//! beside the peers that do the same work; `--tables PATH` all efforts beside peers on the CSV files of a folder, or on one;
//! `--fast FOLDER` what effort `fast` must show there; and `--models FOLDER` the safetensors files of a folder, one of them
//! also pruned. Everything runs on one thread, tables in a process for each coder and all else in one, every decode is
//! compared with its source, and a speed is that of the best of several decodes.

mod coders;
mod columnar;
#[path = "../../common.rs"]
mod common;
mod entropy;
mod fast;
mod files;
mod measure;
mod models;
mod must;
mod numbers;
mod process;
mod table;
mod tables;
mod typed;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    match &paths[..] {
        [word, part @ ..] if word == "must" && part.len() < 2 => {
            return if must::print(part.first().map(String::as_str))? { Ok(()) } else { Err("a row fails".into()) };
        }
        [word] if word == "coders" => return coders::print(),
        [flag, coder, path] if flag == "--one" => return tables::one(coder, path.as_ref()),
        [flag, folder] if flag == "--fast" => return fast::print(folder.as_ref()),
        [flag, path] if flag == "--tables" => return tables::print(path.as_ref()),
        [flag, folder] if flag == "--models" => return models::print(folder.as_ref()),
        _ => {}
    }
    files::print(&paths)?;
    println!();
    numbers::print()?;
    println!();
    entropy::print()
}
