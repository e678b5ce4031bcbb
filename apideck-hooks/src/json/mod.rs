//! Helpers for reading JSON that several modules share.

mod piece;
mod plain_run;
mod text_visitor;

pub(crate) use piece::Piece;
pub(crate) use plain_run::run_end;
pub(crate) use text_visitor::TextVisitor;
