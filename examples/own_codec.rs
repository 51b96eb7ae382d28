//! A codec of one's own in a pipeline: `cargo run --release --example own_codec`. `docs/CODECS.md` walks through one.

use losslaw::codec::{Bins, Codec, CodecId, Delta, Encoded, Plan, Rans, Then};
use losslaw::wire::{Reader, put_varint};
use losslaw::{Budget, Catalogue, Decoder, Lane, Pipeline, Result, Word, with_words};

/// Seasonal differencing: each word as its difference, wrapping around, to the word one period before.
///
/// Parameters: the period (varint). The child has the lane's width and length.
///
/// Source: G. Box, G. Jenkins, "Time Series Analysis: Forecasting and Control", Holden-Day, 1970.
#[derive(Debug, Clone, Copy)]
struct Seasonal {
    period: usize,
}

impl Codec for Seasonal {
    fn id(&self) -> CodecId {
        CodecId(0x9001)
    }
    fn name(&self) -> &'static str {
        "Seasonal"
    }
    fn arity(&self) -> usize {
        1
    }
    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let mut params = vec![];
        put_varint(&mut params, self.period as u64);
        let child = with_words!(input, words => {
            let before = |i: usize| i.checked_sub(self.period).map_or(0, |j| words[j]);
            Word::wrap(words.iter().enumerate().map(|(i, word)| word.wrapping_sub(before(i))).collect())
        });
        Ok(Encoded { params, children: vec![child] })
    }
    fn decode(&self, params: &[u8], mut children: Vec<Lane>, _: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, "Seasonal");
        let period = reader.varint_to(1 << 32, "the period is too long")?.max(1) as usize;
        reader.end()?;
        // The child is restored in place, so no memory has to be asked of the budget.
        let mut lane = children.remove(0);
        with_words!(&mut lane, words => for i in period..words.len() {
            words[i] = words[i].wrapping_add(words[i - period]);
        });
        Ok(lane)
    }
}

fn main() -> Result<()> {
    let csv = visitors();
    let binned = || Bins::default().then(Rans::default());
    let weekly = Seasonal { period: 7 * 24 };
    // Differences of order 0 only turn small signed words into small unsigned ones.
    let folded = Delta::new(0)?.then(binned());
    let plans: [(&str, Plan); 2] = [("bins", binned()), ("differences to a week before", weekly.then(folded))];
    let mut catalogue = Catalogue::default();
    catalogue.add_codec(weekly)?;
    let decoder = Decoder::default().with_registry(catalogue.codecs().clone());
    for (name, plan) in plans {
        let packed = Pipeline::builder().codec(plan).build()?.compress(csv.as_bytes())?;
        println!("{name:30} {:>6} bytes, C = {:.4}", packed.bytes.len(), packed.report.ratio());
        assert_eq!(decoder.decompress(&packed.bytes)?, csv.as_bytes());
    }
    Ok(())
}

/// Two years of visitors an hour: each hour of the week has its own level, and some noise on top.
fn visitors() -> String {
    let mixed = |i: u32| i.wrapping_mul(2_654_435_761) >> 16;
    let hours = (0..2 * 365 * 24u32).map(|hour| format!("{}\n", mixed(hour % 168) % 900 + mixed(hour) % 12));
    std::iter::once("visitors\n".to_owned()).chain(hours).collect()
}
