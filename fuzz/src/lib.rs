//! The targets, and what they share: reading an input, chance that is none, contexts, and the questions
//! that every connection is asked. `tests/corpus` runs the seeds without a fuzzer.

pub mod answers;
pub mod certificate;
pub mod chance;
pub mod ends;
pub mod input;
pub mod key;
pub mod name;
pub mod peer;
pub mod schedule;

// What gcc's `-fsanitize-coverage=trace-cmp` calls and libFuzzer does not have.

#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_trace_cmpf(_: f32, _: f32) {}

#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_trace_cmpd(_: f64, _: f64) {}
