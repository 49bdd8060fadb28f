//! pytest on the instance.

use std::path::PathBuf;

use banquet_sdk::on_machine::Bench;
use banquet_sdk::tool::Base;
use banquet_sdk::{Connection, Context, Result, TestCase};
use shell_words::quote;

use crate::config::{Config, ignored};
use crate::{INSTALL, TESTINFRA, told};

/// The way to the machine.
pub(crate) fn bench<'a>(
    cx: &'a Context,
    connection: &'a dyn Connection,
    base: &'a Base,
    config: &Config,
) -> Bench<'a> {
    Bench::new(cx, connection, base, &config.env_vars)
}

/// Runs the tests.
pub(crate) async fn run(
    cx: &Context,
    connection: &dyn Connection,
    base: &Base,
    config: &Config,
    tests: &[PathBuf],
) -> Result<Vec<TestCase>> {
    let bench = bench(cx, connection, base, config);
    bench.needs(config.program(), INSTALL).await?;
    bench.send(TESTINFRA, tests).await?;
    let report = bench.report_path("testinfra.xml");
    let names = tests.iter().filter_map(|path| path.file_name());
    let names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let mut words = ignored(tests, |root, file| {
        let inner = file.strip_prefix(root.parent()?).ok()?;
        Some(inner.display().to_string())
    })?;
    words.extend(names);
    let code = code(&bench.suites(), config, &words, &report);
    let status = bench.run(&code).await?;
    told(status, bench.report(&report).await, &cx.root, tests)
}

fn code(suites: &str, config: &Config, names: &[String], report: &str) -> String {
    let report = quote(report);
    format!(
        "as_root rm -f {report}\ncd {} || exit\n\
         as_root {} --hosts=local:// --junitxml={report} -p no:cacheprovider {} {}\ncode=$?\n\
         [ ! -e {report} ] || as_root chmod a+r {report}\nexit $code",
        quote(suites),
        config.command(),
        config.extra_flags.as_deref().unwrap_or_default(),
        shell_words::join(names)
    )
}
