//! Helpers for reading JSON that several modules share.

mod checked;
mod exact_value;
mod piece;
mod plain_run;
mod string;
mod text_visitor;
mod tokens;
mod without_values;

pub(crate) use checked::CheckedJson;
pub(crate) use exact_value::{exact_value, has_arbitrary_precision};
pub(crate) use piece::Piece;
pub(crate) use plain_run::run_end;
pub(crate) use text_visitor::TextVisitor;
pub(crate) use without_values::without_values;
