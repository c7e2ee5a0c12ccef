//! Tests of the whole: cells in, inputs out.

mod reading;
