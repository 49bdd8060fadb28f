//! What a run costs that is recorded, and what its page costs: to make, to open, to filter.

use std::path::Path;
use std::time::Duration;

use crate::chromium::{Chromium, is_there};
use crate::large::large;
use crate::measure::{Table, median, millis, pair, time};
use crate::project::Project;

/// An instance that prints 100,000 lines.
const TALKATIVE: &str = "
driver: exec
verifier: dummy
provisioner: {name: shell, command: 'seq -f \"line %.0f: fetched a package of some length in 12 ms\" 100000'}
platforms: [{name: host}]
suites: [{name: a}]
";

/// The same run with a record and without.
pub fn record(table: &mut Table, runs: usize) {
    let recorded = Project::new(TALKATIVE);
    let without = Project::new(&format!("{TALKATIVE}report: {{record: false}}\n"));
    let converge = |project: &Project| time(&mut project.kitchen(&["converge"]));
    for project in [&recorded, &without] {
        converge(project);
    }
    let found = pair(runs, || converge(&recorded), || converge(&without));
    table.compared(
        "converge that prints 100,000 lines, recorded",
        &found,
        "the same with `report: {record: false}`",
    );
}

/// What a run that prints 54 MB leaves in `.kitchen`, by what it printed.
pub fn disk(table: &mut Table) {
    let project = Project::new(&TALKATIVE.replace(" 100000'", " 1000000'"));
    time(&mut project.kitchen(&["converge"]));
    let printed: usize = (1..=1_000_000)
        .map(|n| format!("line {n}: fetched a package of some length in 12 ms\n").len())
        .sum();
    let left = size(&project.path().join(".kitchen"));
    let ratio = left as f64 / printed as f64;
    table.plain(
        "logs and record of a converge that prints 1,000,000 lines",
        &format!("{ratio:.2} times what it prints"),
    );
}

fn size(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).expect("a directory").flatten();
    let sizes = entries.map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => size(&entry.path()),
        _ => entry.metadata().map_or(0, |about| about.len()),
    });
    sizes.sum()
}

/// The page of a hundred members and a hundred thousand lines.
pub fn page(table: &mut Table, runs: usize) {
    let project = Project::new(TALKATIVE);
    let record = project.path().join(".kitchen/runs/large/events.ndjson");
    std::fs::create_dir_all(record.parent().expect("a parent")).expect("a directory");
    std::fs::write(&record, large()).expect("a record");
    let page = project.path().join("page.html");
    let path = page.display().to_string();
    let make = || time(&mut project.kitchen(&["report", "-f", "html", "-o", &path]));
    let made = median((0..runs).map(|_| make()).collect());
    let size = std::fs::metadata(&page).expect("a page").len() as f64 / f64::from(1 << 20);
    table.plain(
        "page of 100 members and 100,000 lines",
        &format!("made in {}, {size:.1} MiB", millis(made)),
    );
    match is_there() {
        Ok(()) => browser(table, &page, runs),
        Err(reason) => println!("the page is not opened: {reason}"),
    }
}

/// The same page in a browser, a new one each time.
fn browser(table: &mut Table, page: &Path, runs: usize) {
    let (mut paints, mut filters) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let mut page = Chromium::open(page, true);
        paints.push(milliseconds(&mut page, PAINT));
        filters.push(milliseconds(&mut page, FILTER));
    }
    let [paint, filter] = [paints, filters].map(median);
    table.plain(
        "the same in headless Chromium",
        &format!(
            "first paint after {}, filtered in {}",
            millis(paint),
            millis(filter)
        ),
    );
}

/// When something of the page was seen first.
const PAINT: &str = "new Promise((done) => new PerformanceObserver((list) =>
    done(list.getEntries()[0].startTime)).observe({type: 'paint', buffered: true}))";

/// From a word typed to the lines that have it, laid out.
const FILTER: &str = "(() => { const find = document.querySelector('input[type=search]');
    const began = performance.now(); find.value = 'package 97 ';
    find.dispatchEvent(new Event('input', {bubbles: true})); document.body.offsetHeight;
    return performance.now() - began; })()";

fn milliseconds(page: &mut Chromium, expression: &str) -> Duration {
    let millis = page.eval(expression).as_f64().expect("a number");
    Duration::from_secs_f64(millis / 1000.0)
}
