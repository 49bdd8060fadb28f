//! The HTML report in a real browser: it shows the failure, filters, obeys keys, needs no scripts
//! and no network, and takes what machines print as text.

use std::path::PathBuf;

use crate::chromium::{Chromium, needed};
use crate::large::large;
use crate::support::Project;
use serde_json::json;

/// A cluster whose last step fails, with output that would like to be markup.
const CLUSTER: &str = r#"
driver: {name: dummy}
transport: {name: dummy, exec: {stdout: "</pre><script>document.title='taken'</script>", stderr: "<img src=x onerror=document.title='taken'>"}}
provisioner: {name: dummy}
verifier: {name: dummy}
platforms: [{name: x}]
suites: [{name: db}, {name: web}]
multisuites:
- name: app
  steps:
  - converge db
  - concurrent: [converge web, {step: exec db, command: show}]
  - step: verify web
    verifier_config: {cases: [{name: "<b>answers</b>", status: failed, message: "got 500"}, {name: runs}]}
"#;

/// Adds nothing to what the page does: looks at what a reader sees.
const LOOK: &str = "
    window.find_ = document.querySelector('input[type=search]');
    [window.member, window.level] = document.querySelectorAll('select');
    window.set = (element, value) => {
        element.value = value;
        element.dispatchEvent(new Event('input', {bubbles: true}));
    };
    window.count = () => document.querySelector('.tools output').textContent;
    window.rows = () => [...document.querySelectorAll('.row')].map((row) => row.textContent);
    true";

fn report() -> (Project, PathBuf) {
    let project = Project::new().file("kitchen.yml", CLUSTER);
    project.kitchen("test --html report.html").exits(10);
    let path = project.path().join("report.html");
    (project, path)
}

#[test]
fn the_page_shows_the_failure_filters_the_log_and_obeys_keys() {
    if !needed() {
        return;
    }
    let (_project, path) = report();
    let mut page = Chromium::open(&path, true);
    let failures = page.eval("document.getElementById('failures').innerText");
    for text in [
        "Verify",
        "web-x",
        "step 3 of app-x",
        "<b>answers</b>",
        "got 500",
    ] {
        assert!(
            failures.as_str().is_some_and(|it| it.contains(text)),
            "{text}: {failures}"
        );
    }
    assert_eq!(page.eval("document.title"), "app-x: failed");
    assert!(page.eval("document.querySelectorAll('.bar.failed').length") == json!(1));

    page.eval(LOOK);
    let all = page.eval("rows().length").as_u64().expect("a number");
    page.eval("set(member, 'db-x')");
    let rows = page.eval("rows()");
    assert!(
        (all > 4) && rows.as_array().is_some_and(|it| !it.is_empty()),
        "{rows}"
    );
    assert!(
        rows.as_array()
            .expect("rows")
            .iter()
            .all(|it| it.to_string().contains("db-x"))
    );
    page.eval("set(member, ''), set(level, 'error')");
    let errors = page.eval("rows()").to_string();
    assert!(
        errors.contains("Verify failed") && !errors.contains("Converging"),
        "{errors}"
    );
    page.eval("set(level, ''), set(find_, '/^converging <(db|web)-x>/')");
    assert_eq!(page.eval("rows().length"), 2);
    assert!(page.eval("count()").to_string().contains("2 of"));

    page.eval("document.querySelector('.failure a.jump').click()");
    let chosen = page
        .eval("document.querySelector('.row.on').textContent")
        .to_string();
    assert!(chosen.contains("web-x"), "{chosen}");
    page.press("ArrowUp");
    let before = page
        .eval("document.querySelector('.row.on').textContent")
        .to_string();
    assert_ne!(before, chosen);
    page.press("/");
    assert_eq!(page.eval("document.activeElement === find_"), true);
    page.press("Escape");
    assert_eq!(page.eval("member.value + find_.value"), "");

    page.eval("document.querySelector('.bar').focus()");
    page.press("ArrowDown");
    let bar = page.eval("document.activeElement.className").to_string();
    assert!(bar.contains("bar"), "{bar}");
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
fn output_of_machines_is_text() {
    if !needed() {
        return;
    }
    let (_project, path) = report();
    let mut page = Chromium::open(&path, true);
    page.eval(LOOK);
    page.eval("set(find_, '</pre><script>')");
    assert_eq!(page.eval("rows().length"), 1);
    assert_eq!(page.eval("document.title"), "app-x: failed");
    assert_eq!(page.eval("document.images.length"), 0);
    assert_eq!(page.eval("document.scripts.length"), 1);
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
fn without_scripts_all_of_it_can_be_read() {
    if !needed() {
        return;
    }
    let (_project, path) = report();
    let mut page = Chromium::open(&path, false);
    // The log below the edge of the screen is laid out only when it is come near to, and
    // `innerText` is what is laid out.
    let text = page.eval("document.body.innerText + document.getElementById('plain').textContent");
    let text = text.as_str().expect("text");
    let display = page.eval("getComputedStyle(document.getElementById('plain')).display");
    assert_ne!(display, "none");
    for part in [
        "step 3 of app-x",
        "Timeline",
        "3 verify web",
        "Converging <db-x>",
        "document.title=",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let link = page.eval("document.querySelector('.failure .jump').getAttribute('href')");
    let link = link
        .as_str()
        .and_then(|it| it.strip_prefix('#'))
        .expect("a link");
    let there = format!("document.getElementById('{link}') !== null");
    assert_eq!(page.eval(&there), true);
}

#[test]
fn the_page_asks_for_nothing_else() {
    let (project, _) = report();
    let page = project.read("report.html");
    let mut links = page
        .split(" href=\"")
        .skip(1)
        .map(|rest| rest.chars().next());
    assert!(links.all(|first| first == Some('#')));
    assert!(!page.contains(" src=\""), "what machines print is escaped");
    assert!(!page.contains("@import") && !page.contains("url("));
}

/// A run in which a member is frozen under a heartbeat, which is lost from soon after on: what was
/// asked before the fault must not be overtaken by it on a busy machine.
fn under_fire() -> (Project, PathBuf) {
    let project = Project::new();
    let down = project.path().join("down");
    let down = down.display();
    project.write(
        "kitchen.yml",
        &format!(
            "driver: dummy\ntransport: dummy\nprovisioner: dummy\nverifier: dummy\n\
             platforms: [{{name: x}}]\nsuites: [{{name: db}}, {{name: web}}]\nmultisuites:\n- name: app\n  steps:\n  \
             - converge db\n  - during: {{heartbeat: {{exec: 'test ! -e {down}', every: 40ms, count: 40}}}}\n    steps:\n    \
             - sleep 400ms\n    - pause web\n    - sleep 300ms\n    - {{step: run, command: 'touch {down}'}}\n"
        ),
    );
    project.kitchen("test --html report.html").exits(10);
    let path = project.path().join("report.html");
    (project, path)
}

#[test]
fn heartbeats_are_plotted_with_their_outage_and_the_fault_before_it() {
    if !needed() {
        return;
    }
    let (_project, path) = under_fire();
    let mut page = Chromium::open(&path, true);
    let edges = "((element) => { const box = element.getBoundingClientRect();
        return [box.left, box.right, box.height]; })";
    let mut of = |what: &str| -> Vec<f64> {
        let found = page.eval(&format!("{edges}(document.querySelector('{what}'))"));
        serde_json::from_value(found).expect("edges")
    };
    let (fault, strike, outage) = (of(".fault"), of(".beats .strike"), of(".beats .outage"));
    let (beats, answered) = (of(".beats .track"), of(".beats .latency"));
    // Probes of a busy machine overtake each other: a late one is lost, some after it are answered.
    let few = 5.0 * (beats[1] - beats[0]) / 40.0;
    // One clock: the fault begins at one place in the lane and under it, then beats are lost.
    assert!((fault[0] - strike[0]).abs() < 1.5, "{fault:?} {strike:?}");
    assert!(
        strike[0] < outage[0] && outage[1] <= beats[1] + 1.0,
        "{strike:?} {outage:?}"
    );
    assert!(
        outage[1] - outage[0] > 20.0 && outage[2] > 50.0,
        "shaded: {outage:?}"
    );
    assert!(
        answered[1] <= outage[0] + few && answered[0] >= beats[0],
        "{answered:?} {outage:?}"
    );
    let words = page
        .eval("document.querySelector('.outages').innerText")
        .to_string();
    assert!(words.contains("after `pause web`: exit code 1"), "{words}");
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
fn keys_alone_lead_from_a_bar_to_its_step() {
    if !needed() {
        return;
    }
    let (_project, path) = under_fire();
    let mut page = Chromium::open(&path, true);
    page.eval("document.querySelector('.scroll').focus()");
    page.press("Tab");
    let first = page.eval("document.activeElement.className").to_string();
    assert!(first.contains("bar"), "{first}");
    page.press("ArrowRight");
    let next = page.eval("document.activeElement.getAttribute('href')");
    page.press("Enter");
    assert_eq!(page.eval("location.hash"), next);
    let shown = page.eval("document.querySelector('tr:target') !== null");
    assert_eq!(shown, true);
    // One more stop, and the bars are behind.
    page.eval("document.querySelector('.bar[tabindex=\"0\"]').focus()");
    page.press("Tab");
    let after = page.eval("document.activeElement.className").to_string();
    assert!(!after.contains("bar"), "{after}");
}

#[test]
fn a_hundred_members_and_a_hundred_thousand_lines_are_quick_to_look_at() {
    if !needed() {
        return;
    }
    let project = Project::new().file(".kitchen/runs/large/events.ndjson", &large());
    project.kitchen("report -f html -o report.html").succeeds();
    let path = project.path().join("report.html");
    let size = std::fs::metadata(&path).expect("a file").len();
    assert!(size < 25 << 20, "{size} bytes");
    let mut page = Chromium::open(&path, true);
    page.eval(LOOK);
    assert_eq!(
        page.eval("document.querySelectorAll('.lane .bar').length"),
        100
    );
    assert!(page.eval("rows().length").as_u64().expect("a number") < 200);
    let paint = page.eval(
        "new Promise((done) => new PerformanceObserver((list) => done(list.getEntries()[0].startTime))
            .observe({type: 'paint', buffered: true}))",
    );
    let filter = page.eval(
        "(() => { const began = performance.now(); set(find_, 'package 97 '); document.body.offsetHeight;
            return performance.now() - began; })()",
    );
    println!("{size} bytes, first paint after {paint} ms, filtered in {filter} ms");
    assert!(page.eval("count()").to_string().contains("of 100,"));
    // How fast is printed, not asserted: other work on the machine decides as well.
    assert!(paint.is_number() && filter.is_number(), "{paint} {filter}");
    assert_eq!(page.complaints, Vec::<String>::new());
}
