//! `Dtype`: what one weight is, and the names that safetensors gives it.

use serde::{Deserialize, Serialize};

macro_rules! dtypes {
    ($($variant:ident $name:literal $bits:literal $what:literal,)*) => {
        /// The type of a tensor's elements, named as in a safetensors header.
        ///
        /// ```
        /// use losslaw::model::Dtype;
        /// assert_eq!((Dtype::BF16.name(), Dtype::BF16.bits()), ("BF16", 16));
        /// assert_eq!(Dtype::F4.bits(), 4, "two elements share a byte");
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        #[allow(non_camel_case_types, reason = "the names of the format")]
        pub enum Dtype {
            $(#[doc = $what] #[serde(rename = $name)] $variant,)*
        }

        impl Dtype {
            /// Every type of the format.
            pub const ALL: [Self; 22] = [$(Self::$variant),*];

            /// The name in a safetensors header.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Bits of one element; less than eight for elements that share bytes.
            pub fn bits(self) -> usize {
                match self { $(Self::$variant => $bits),* }
            }
        }
    };
}

dtypes! {
    Bool "BOOL" 8 "True or false, one byte.",
    F4 "F4" 4 "Four-bit float of the microscaling formats (E2M1).",
    F6E2M3 "F6_E2M3" 6 "Six-bit float, two bits of exponent.",
    F6E3M2 "F6_E3M2" 6 "Six-bit float, three bits of exponent.",
    U8 "U8" 8 "Unsigned byte.",
    I8 "I8" 8 "Signed byte.",
    F8E5M2 "F8_E5M2" 8 "Eight-bit float, five bits of exponent.",
    F8E4M3 "F8_E4M3" 8 "Eight-bit float, four bits of exponent.",
    F8E8M0 "F8_E8M0" 8 "Power of two, the scale of a microscaling block.",
    F8E4M3Fnuz "F8_E4M3FNUZ" 8 "Eight-bit float without infinities and negative zero, four bits of exponent.",
    F8E5M2Fnuz "F8_E5M2FNUZ" 8 "Eight-bit float without infinities and negative zero, five bits of exponent.",
    I16 "I16" 16 "Signed, two bytes.",
    U16 "U16" 16 "Unsigned, two bytes.",
    F16 "F16" 16 "IEEE 754 binary16.",
    BF16 "BF16" 16 "The upper half of an IEEE 754 binary32.",
    I32 "I32" 32 "Signed, four bytes.",
    U32 "U32" 32 "Unsigned, four bytes.",
    F32 "F32" 32 "IEEE 754 binary32.",
    C64 "C64" 64 "Complex number of two binary32, real part first.",
    F64 "F64" 64 "IEEE 754 binary64.",
    I64 "I64" 64 "Signed, eight bytes.",
    U64 "U64" 64 "Unsigned, eight bytes.",
}

impl Dtype {
    /// Bytes of a tensor of this shape; `None` if its elements fill no whole number of bytes or overflow `usize`.
    ///
    /// ```
    /// use losslaw::model::Dtype;
    /// assert_eq!(Dtype::F6E2M3.bytes(&[4, 3]), Some(9), "twelve elements of six bits");
    /// assert_eq!(Dtype::F4.bytes(&[3]), None, "half a byte is left over");
    /// assert_eq!(Dtype::F64.bytes(&[]), Some(8), "no dimension, one element");
    /// assert_eq!(Dtype::F64.bytes(&[usize::MAX, 2, 0]), None, "the product overflows before it meets the zero");
    /// ```
    pub fn bytes(self, shape: &[usize]) -> Option<usize> {
        let elements = shape.iter().try_fold(1usize, |product, &length| product.checked_mul(length))?;
        let bits = elements.checked_mul(self.bits())?;
        bits.is_multiple_of(8).then_some(bits / 8)
    }

    /// Whether elements are floats of 16, 32 or 64 bits: those that can be pruned.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::BF16 | Self::F32 | Self::F64)
    }
}

impl std::fmt::Display for Dtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
