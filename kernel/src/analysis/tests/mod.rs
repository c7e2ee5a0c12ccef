//! Tests of the whole: cells in, inputs out.

mod generate;
mod oracle;
mod reading;
