//! `Lms`: samples of sound and pictures, each predicted from its neighbours.
//!
//! `samples` reads bytes as samples, `neighbours` says which earlier ones stand near a sample, `least_squares` learns
//! how they predict it, and `predictor` puts predictions together and sorts what is left by how large it will be.

mod guess;
mod least_squares;
mod neighbours;
mod predictor;
mod samples;

use serde::{Deserialize, Serialize};

use self::predictor::{CLASSES, Predictor};
use self::samples::Samples;
use super::{Codec, CodecId, Encoded, Plan};
use crate::lane::{put_shape, read_shape};
use crate::wire::{Reader, put_varint};
use crate::{Budget, Error, Lane, LaneKind, Result};

const NAME: &str = "Lms";

/// Most samples from one row to the next.
const MAX_ROW: u32 = 1 << 20;

/// Codes sound and pictures by what the samples before and above each sample predict.
///
/// Two linear predictors for each channel, fitted by least squares to what came lately, and a median or a slope are put
/// together by how well each did nearby. The residuals, 0, −1, 1, −2 as 0, 1, 2, 3, go to one of 24 child lanes, chosen
/// by how large those nearby were; so a static code for each child comes close to an adaptive one. The lane must be of
/// bytes; samples of `channels` channels take turns.
///
/// Parameters: the lane's shape; width, channels, bytes skipped (1 byte each); row (varint); the bytes that belong to no
/// sample. The children hold u8 or u16 words, as wide as a sample. Decoding uses IEEE 754 arithmetic in one fixed order
/// and so gives the same bytes on every machine.
///
/// # Errors
/// [`Error::InvalidConfig`] for fields out of range, [`Error::Unsuitable`] for a lane of wide words.
///
/// # Example
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{Lms, Rans};
/// let rows = (0..100u32).flat_map(|y| (0..100u32).map(move |x| (x + y / 2 + x * y / 200) as u8));
/// let picture = Lane::from(rows.collect::<Vec<u8>>());
/// let coded = Lms { row: 100, ..Lms::default() }.each(Rans::default()).encode(&picture)?;
/// assert!(coded.len() < 1800, "under a seventh of {} bytes", picture.len());
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: B. Widrow and M. Hoff, "Adaptive switching circuits", IRE WESCON, 1960, for adapting sample by sample; X. Wu,
/// "Lossless compression of continuous-tone images via context selection, quantization, and modeling", IEEE Trans.
/// Image Processing 6(5), 1997, for sorting residuals by their surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lms {
    /// Bytes of a sample: 1, or 2 for signed samples, the low byte first.
    pub width: u8,
    /// Channels that take turns, from 1 to 8.
    pub channels: u8,
    /// Samples of a row of a picture, all channels together; 0 for sound.
    pub row: u32,
    /// Bytes before the first sample; they matter only where a sample has two.
    pub skip: u8,
}

impl Default for Lms {
    fn default() -> Self {
        Self { width: 1, channels: 1, row: 0, skip: 0 }
    }
}

impl Lms {
    /// Number of child lanes.
    pub const ARITY: usize = CLASSES;

    /// A plan that codes every child lane by `child`.
    pub fn each(self, child: impl Into<Plan>) -> Plan {
        Plan::new(self, vec![child.into(); Self::ARITY])
    }

    fn check(self) -> Result<Self> {
        let row = self.row;
        match self {
            Self { width: 0 | 3.., .. } => Err(Error::config("width", self.width, "1..=2")),
            Self { channels: 0 | 9.., .. } => Err(Error::config("channels", self.channels, "1..=8")),
            Self { skip: 2.., .. } => Err(Error::config("skip", self.skip, "0..=1")),
            // Neighbours above a sample lie before it, those of the pixel to the right included.
            _ if row > MAX_ROW || (row > 0 && row < 4 * u32::from(self.channels)) => {
                Err(Error::config("row", row, "0, or from four pixels to 2^20 samples"))
            }
            _ => Ok(self),
        }
    }
}

impl Codec for Lms {
    crate::saved_by_serde!(Codec, Self::check);

    fn id(&self) -> CodecId {
        CodecId::LMS
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn arity(&self) -> usize {
        Self::ARITY
    }

    // Neighbours may be of any group.
    fn ignores_groups(&self) -> bool {
        true
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let how = self.check()?;
        let Lane::U8(bytes) = input else {
            return Err(Error::Unsuitable { codec: NAME, why: "samples are read from bytes" });
        };
        let (samples, head, tail) = Samples::split(bytes, how.width, how.skip);
        let mut params = vec![];
        put_shape(&mut params, LaneKind::U8, bytes.len());
        params.extend([how.width, how.channels, how.skip]);
        put_varint(&mut params, u64::from(how.row));
        params.extend([head, tail].concat());
        let mut classes = vec![vec![]; CLASSES];
        let mut predictor = Predictor::new(how, samples.len());
        for at in 0..samples.len() {
            let (expected, class) = predictor.expect(at);
            let sample = samples.get(at);
            classes[class].push(samples.residual(sample, expected));
            predictor.learn(at, sample);
        }
        let lane = |class: Vec<u16>| match how.width {
            1 => Lane::U8(class.into_iter().map(|residual| residual as u8).collect()),
            _ => Lane::U16(class),
        };
        Ok(Encoded { params, children: classes.into_iter().map(lane).collect() })
    }

    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, NAME);
        let (kind, len) = read_shape(&mut reader, budget)?;
        let (width, channels, skip) = (reader.u8()?, reader.u8()?, reader.u8()?);
        let row = reader.varint_to(u64::from(MAX_ROW), "a row is too long")? as u32;
        let Ok(how) = (Self { width, channels, row, skip }).check() else {
            return Err(reader.corrupt("the samples are of no known kind"));
        };
        if kind != LaneKind::U8 {
            return Err(reader.corrupt("samples are read from bytes"));
        }
        budget.spend(2 * len as u64 / u64::from(width))?;
        let (mut samples, left) = Samples::join(len, width, skip);
        let aside = reader.take(left)?;
        reader.end()?;
        let residuals: usize = children.iter().map(Lane::len).sum();
        if residuals != samples.len() {
            return Err(reader.corrupt("there are more or fewer residuals than samples"));
        }
        budget.spend(Predictor::bytes(how, samples.len()))?;
        let mut predictor = Predictor::new(how, samples.len());
        let mut classes = Classes::new(&children, width)?;
        for at in 0..samples.len() {
            let (expected, class) = predictor.expect(at);
            let sample = samples.restore(expected, classes.next(class)?);
            samples.put(at, sample);
            predictor.learn(at, sample);
        }
        Ok(Lane::U8(samples.bytes(aside)))
    }
}

/// The residuals of each class, in the order of the samples.
struct Classes<'a> {
    lanes: Vec<&'a Lane>,
    next: [usize; CLASSES],
}

impl<'a> Classes<'a> {
    fn new(children: &'a [Lane], width: u8) -> Result<Self> {
        let kind = if width == 1 { LaneKind::U8 } else { LaneKind::U16 };
        if children.len() != CLASSES || children.iter().any(|child| child.kind() != kind) {
            return Err(Error::corrupt(NAME, "the classes are not as wide as the samples", 0));
        }
        Ok(Self { lanes: children.iter().collect(), next: [0; CLASSES] })
    }

    #[inline]
    fn next(&mut self, class: usize) -> Result<u16> {
        let at = self.next[class];
        self.next[class] += 1;
        let residual = match self.lanes[class] {
            Lane::U8(words) => words.get(at).map(|&word| u16::from(word)),
            Lane::U16(words) => words.get(at).copied(),
            _ => None,
        };
        residual.ok_or(Error::Corrupt { part: NAME, what: "a class has too few residuals", at: at as u64 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;

    fn budget() -> Budget {
        Budget::new(&Limits::default())
    }

    fn kinds() -> impl Strategy<Value = Lms> {
        (1..=2u8, 1..=8u8, prop_oneof![Just(0u32), 1..40u32], 0..=1u8).prop_map(|(width, channels, pixels, skip)| {
            let row = if pixels == 0 { 0 } else { (pixels + 3) * u32::from(channels) };
            Lms { width, channels, row, skip }
        })
    }

    proptest! {
        #[test]
        fn bytes_of_every_kind_return(
            how in kinds(),
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..700),
                prop::collection::vec(prop::sample::select(vec![0u8, 127, 128, 255]), 0..700),
                (any::<u8>(), 0..900usize).prop_map(|(byte, len)| vec![byte; len]),
            ],
        ) {
            let lane = Lane::from(bytes);
            let coded = how.encode(&lane).unwrap();
            prop_assert_eq!(&Lms::default().decode(&coded.params, coded.children.clone(), &mut budget()).unwrap(), &lane);
            let mut short = coded.children;
            if let Some(class) = short.iter_mut().find(|class| !class.is_empty()) {
                *class = class.slice(0..class.len() - 1);
                prop_assert!(Lms::default().decode(&coded.params, short, &mut budget()).is_err());
            }
        }
    }

    #[test]
    fn kinds_that_no_sample_has_are_refused() {
        for how in [
            Lms { width: 3, ..Lms::default() },
            Lms { channels: 0, ..Lms::default() },
            Lms { channels: 3, row: 11, ..Lms::default() },
            Lms { row: MAX_ROW + 1, ..Lms::default() },
            Lms { skip: 2, ..Lms::default() },
        ] {
            assert!(matches!(how.encode(&Lane::U8(vec![])), Err(Error::InvalidConfig { .. })));
        }
        let children = || vec![Lane::U8(vec![]); Lms::ARITY];
        let decode = |params: &[u8], children| Lms::default().decode(params, children, &mut budget());
        assert!(decode(&[0, 0, 1, 1, 0, 0], children()).is_ok());
        assert!(matches!(decode(&[0, 0, 4, 1, 0, 0], children()), Err(Error::Corrupt { .. })));
        assert!(matches!(decode(&[1, 0, 1, 1, 0, 0], children()), Err(Error::Corrupt { .. })));
        assert!(
            matches!(decode(&[0, 0, 2, 1, 0, 0], children()), Err(Error::Corrupt { .. })),
            "children are too narrow"
        );
        assert!(matches!(decode(&[0, 0, 1, 1, 0, 0], vec![Lane::U8(vec![])]), Err(Error::Corrupt { .. })));
        let mut extra = children();
        extra[5] = Lane::U8(vec![1]);
        assert!(matches!(decode(&[0, 0, 1, 1, 0, 0], extra), Err(Error::Corrupt { .. })));
        let claimed = [0, 0xff, 0xff, 0xff, 0x07, 1, 1, 0, 0];
        assert!(matches!(decode(&claimed, children()), Err(Error::Corrupt { .. })));
        let mut elsewhere = children();
        elsewhere[23] = Lane::U8(vec![1]);
        assert!(matches!(decode(&[0, 1, 1, 1, 0, 0], elsewhere), Err(Error::Corrupt { .. })));
    }
}
