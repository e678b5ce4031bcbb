//! Pieces of JSON text that several rooms read.

mod piece;
mod plain_run;
mod text;

pub(crate) use piece::Piece;
pub(crate) use plain_run::run_end;
pub(crate) use text::TextVisitor;
