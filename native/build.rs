//! Lets the linker leave N-API symbols to Node, which provides them when the addon is loaded.

fn main() {
    if std::env::var_os("CARGO_FEATURE_NODE").is_some() {
        napi_build::setup();
    }
}
