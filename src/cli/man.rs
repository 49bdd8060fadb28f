//! `kitchen man`: pages for `man`, one of the program and one of each command.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};

use super::args::Arguments;
use super::exit::Exit;
use super::fault::Fault;

/// `man`.
#[derive(Args, Clone, Debug)]
pub struct Man {
    /// Where the pages are written; it is made
    #[arg(value_name = "DIR")]
    pub into: PathBuf,
}

/// What no command has, for the program's own page.
const FILES: &str = "\
.SH FILES
.TP
kitchen.local.yml, kitchen.yml, ~/.kitchen/config.yml
The configuration; what an earlier one says wins. `kitchen help steps` and `kitchen help PLUGIN` tell
what may be written.
.TP
\\&.kitchen/
States, logs and records of runs.
.SH EXIT STATUS
0 where all went well; `kitchen help exit\\-codes` tells the others.
";

/// Writes the pages.
pub fn man(man: &Man) -> Result<Exit, Fault> {
    let failed = |error: io::Error| {
        let message = format!("write pages to {}: {error}", man.into.display());
        Fault::usage(message, None::<String>)
    };
    std::fs::create_dir_all(&man.into).map_err(failed)?;
    // The table of commands on the screen means nothing to `man`, which has its own.
    let mut command = Arguments::command().help_template("{about}");
    command.build();
    pages(&command, &man.into).map_err(failed)?;
    Ok(Exit::Success)
}

fn pages(command: &Command, into: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        pages(below, into)?;
    }
    let man = clap_mangen::Man::new(command.clone())
        .source(concat!("Banquet ", env!("CARGO_PKG_VERSION")))
        .manual("Banquet");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
        page.write_all(FILES.as_bytes())?;
    }
    let after = command
        .get_after_long_help()
        .or_else(|| command.get_after_help());
    if let Some(after) = after {
        page.write_all(as_it_stands(&after.to_string()).as_bytes())?;
    }
    std::fs::write(into.join(man.get_filename()), page)
}

/// Examples with their columns, which `man` would fill otherwise.
fn as_it_stands(text: &str) -> String {
    let mut page = String::from(".SH EXAMPLES\n.nf\n");
    for line in text.trim().lines().filter(|line| *line != "Examples:") {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        if line.starts_with(['.', '\'']) {
            page.push_str("\\&");
        }
        page.push_str(&line);
        page.push('\n');
    }
    page + ".fi\n"
}
