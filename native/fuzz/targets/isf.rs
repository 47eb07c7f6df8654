#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    salvor_native::fuzz::isf(bytes);
});
