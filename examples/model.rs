//! Trains a network, saves it as safetensors, compresses the file and loads it again: `cargo run --release --example model`.

mod network;

use std::fs::File;

use losslaw::model::Model;
use losslaw::{Decoder, Effort, ModelReader, Pipeline};
use network::{Network, wines};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ((rows, is_good), (other_rows, other_good)) = wines();
    let mut network = Network::new(rows.ncols(), 7);
    let all = network.mask();
    network.train(&rows, &is_good, 2000, &all);
    let before = network.accuracy(&other_rows, &other_good);
    println!("trained on {} wines, right about {:.2} % of {} others", rows.nrows(), 100.0 * before, other_rows.nrows());

    let folder = std::env::temp_dir().join(format!("losslaw-example-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = |name: &str| folder.join(name);
    std::fs::write(path("wines.safetensors"), network.to_model()?.to_safetensors())?;

    // From file to file, as for a model that does not fit into memory.
    for effort in Effort::ALL {
        let pipeline = Pipeline::builder().effort(effort).build()?;
        let report = pipeline
            .compress_model_from(File::open(path("wines.safetensors"))?, File::create(path("wines.losslaw"))?)?;
        println!("\n{effort}: {report}");
    }

    // One tensor alone, then all of them.
    let reader = ModelReader::open(File::open(path("wines.losslaw"))?, Decoder::default())?;
    let unit = reader.rows("first.weight", 3..4)?.ok_or("the tensor is there")?;
    assert_eq!(unit.view().to_f64s()?, network.first.row(3).mapv(f64::from).to_vec());
    reader.write_to(File::create(path("again.safetensors"))?)?;
    let file = std::fs::read(path("again.safetensors"))?;
    assert_eq!(file, std::fs::read(path("wines.safetensors"))?);
    let again = Network::from_model(&Model::from_safetensors(&file)?)?;
    let after = again.accuracy(&other_rows, &other_good);
    println!("\nrestored: right about {:.2} %", 100.0 * after);
    assert_eq!(before.to_bits(), after.to_bits(), "what comes back is the same, and so is what it answers");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
