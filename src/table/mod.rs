//! Tables: CSV bytes taken apart into typed columns, and put together again to the same bytes.
//!
//! A [`Table`] is a [`Schema`] (what holds for all rows) and [`RowData`] (what changes from row to row). Every column
//! is a lane of *ordinals*: small unsigned numbers whose order means something where the column has an order.
//!
//! | Kind | Ordinal 0 | next | then |
//! |---|---|---|---|
//! | [`Kind::Number`] | escape: the raw cell is kept | the special texts (`NA`, empty, …) | 1 + specials + (value − min) |
//! | [`Kind::Ranked`] | escape | the special texts | 1 + specials + rank among the distinct values |
//! | [`Kind::Categorical`] | first entry | | index of the entry |
//! | [`Kind::OneHot`] | first cell is the 1 | | index of the cell that is 1 |
//! | [`Kind::Derived`] | escape | the text that other cells of the row make up | |
//! | [`Kind::Text`] | empty cell | | byte length of the cell |
//! | [`Kind::Noise`] | no noise | | zigzag count of ulps added to the number before it |

mod builder;
mod cell;
mod data;
mod datetime;
mod derived;
pub(crate) mod ended;
mod entries;
mod kind;
mod noise;
mod number;
mod one_hot;
mod ranks;
mod scan;
mod schema;
mod survey;
mod typing;
mod write;

pub use builder::TableBuilder;
pub use data::{ColumnData, Irregular, RowData, Table};
pub use datetime::{DateFormat, DateOrder, TimeOfDay, Unit};
pub use derived::Part;
pub use entries::Entries;
pub use kind::{ColumnSchema, Kind};
pub use number::{Number, Spelling};
pub use schema::{Layout, Schema};
