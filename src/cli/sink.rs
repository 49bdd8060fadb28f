//! `kitchen sink`: draws one (lib/kitchen/command/sink.rb).

use std::io::Write;

use super::exit::Exit;
use super::fault::Fault;
use super::streams;

const SINK: &str = r"
                  .-----.
                 / .---. \
                 | |   '-'
                 | |    '
              o  | |  o '
  .-----------#--' '--#--'-----------.
  '=================================='
      \             '            /
       \         .-~~~-.        /
        '---------.---.--------'
                  |   |
                  '-. '--.
                    '----'
";

/// Prints the sink.
pub fn sink() -> Result<Exit, Fault> {
    streams::stdout().write_all(SINK.as_bytes())?;
    Ok(Exit::Success)
}
