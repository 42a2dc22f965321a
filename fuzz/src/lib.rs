//! What the targets share: reading an input, chance that is none, contexts, and the questions that
//! every connection is asked.

pub mod answers;
pub mod chance;
pub mod ends;
pub mod input;
pub mod peer;
pub mod schedule;

// What gcc's `-fsanitize-coverage=trace-cmp` calls and libFuzzer does not have.

#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_trace_cmpf(_: f32, _: f32) {}

#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_trace_cmpd(_: f64, _: f64) {}
