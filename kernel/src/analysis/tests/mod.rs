//! Tests of the whole: cells in, inputs out.

mod freezing;
mod generate;
mod layout;
mod oracle;
mod reaching;
mod reading;
mod speed;
