//! `cargo run -p banquet-chaos -- --driver docker --seed 7 --kills 1000`

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    banquet_chaos::command::main()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("signals and /proc are needed");
}
