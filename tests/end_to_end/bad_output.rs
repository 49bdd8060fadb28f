//! What machines print and what people name their suites is text: in no report, on no terminal and
//! in no shell is it anything else.
#![cfg(unix)]

use crate::support::{Project, is_junit, needs};

/// Prints what would do harm where it is taken for markup, for a command or for a sequence of the
/// terminal, behind a line of ten megabytes.
const PRINTS: &str = r#"head -c 10000000 /dev/zero | tr '\0' x; echo
printf 'half \377 \303 a word\n'
printf '\033[31mred\033[0m \033]0;title\007\033[2J\033[1;1Hgone \033]8;;http://x\033\\link\n'
printf 'nul \000 back \010 bell \007 50%%\r100%%\n'
printf '</script><script>document.title=1</script> ]]> <!-- &amp; $(touch taken) `touch taken`\n'
printf 'not ok 7 # TODO\nBail out!\n'
printf 'no end of line'
exit 3
"#;

/// A name that means something to HTML, XML, shells and options.
const NAMES: [&str; 2] = ["-rf \"';&|<b>$(touch taken)`touch taken`]]>#", "*"];

/// The platform's.
const PLATFORM: &str = "x\"><img src=x onerror=alert(1)>";

fn project() -> Project {
    let project = Project::new();
    // Instances of `exec` share the workstation, and tests run side by side.
    let root = project.path().join("root");
    let text = serde_json::json!({
        "driver": "exec",
        "verifier": {"name": "shell", "command": "true"},
        "platforms": [{"name": PLATFORM}],
        "suites": [
            {"name": NAMES[0], "provisioner": {
                "name": "shell", "script": "bad.sh", "root_path": root,
            }},
            {"name": NAMES[1], "provisioner": {"name": "shell", "command": "echo converged"}},
        ],
    });
    // JSON is YAML.
    project
        .file("kitchen.yml", &text.to_string())
        .script("bad.sh", &format!("#!/bin/sh\n{PRINTS}"))
}

fn has_control(text: &str) -> bool {
    text.contains(|c: char| c.is_control() && c != '\n' && c != '\t')
}

#[test]
fn hostile_output_and_hostile_names_harm_no_form() {
    if !needs("xmllint") {
        return;
    }
    let project = project();
    let ran = project
        .kitchen("test -c 2 --junit out.xml --html out.html")
        .exits(11);
    assert!(
        !has_control(&ran.out) && !has_control(&ran.err),
        "for terminals"
    );
    for told in [
        "half \u{fffd} \u{fffd} a word",
        "red gone link",
        "100%",
        "no end of line",
        "converged",
    ] {
        assert!(ran.out.contains(told), "{told}");
    }
    assert!(ran.err.contains("exit code 3"), "{}", ran.err);
    for form in ["terminal", "json", "tap", "junit", "html"] {
        let told = project.kitchen(&format!("report -f {form}")).succeeds();
        assert!(!has_control(&told.out), "{form}");
        assert!(
            told.out.len() < 1_000_000,
            "{form}: {} bytes",
            told.out.len()
        );
        match form {
            "junit" => {
                is_junit(&told.out);
                assert_eq!(told.out, project.read("out.xml"));
                assert!(told.out.contains("&lt;/script&gt;"), "{}", told.out);
            }
            "html" => {
                assert_eq!(told.out, project.read("out.html"));
                assert_eq!(told.out.matches("<script").count(), 1);
                assert!(!told.out.contains("<img") && !told.out.contains("<b>$("));
            }
            "json" => {
                let verdict: serde_json::Value = serde_json::from_str(&told.out).expect("JSON");
                assert_eq!(verdict["subjects"].as_array().map(Vec::len), Some(2));
            }
            "tap" => {
                let bailed = told.out.lines().any(|line| line.starts_with("Bail out!"));
                assert!(!bailed, "output is no verdict: {}", told.out);
                let failed = told.out.lines().filter(|line| line.starts_with("not ok"));
                assert_eq!(failed.count(), 1, "{}", told.out);
            }
            _ => {}
        }
    }
    project.kitchen("destroy").succeeds();
    let taken = project.kitchen("runs").succeeds().prints_no("taken`\u{1b}");
    assert!(
        !project.has("taken") && !project.has("home/taken"),
        "{}",
        taken.transcript()
    );
}

#[test]
fn hostile_names_are_listed_as_they_are() {
    let project = project();
    let json = project.kitchen("list --json").succeeds().out;
    let rows: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let name = format!("{}-{PLATFORM}", NAMES[0]);
    assert_eq!(rows[0]["instance"], name.as_str());
    project.kitchen("list").succeeds().prints(&name);
}

#[test]
fn a_run_that_was_killed_is_unfinished_in_every_form() {
    if !needs("xmllint") {
        return;
    }
    let project = project();
    // Said, and on its way: a line of its own record is never awaited by a sleep.
    project.write("bad.sh", "#!/bin/sh\necho '</script> said'\nsleep 600\n");
    let running = project.start("converge").until("</script> said");
    let mut runs = std::fs::read_dir(project.path().join(".kitchen/runs")).expect("records");
    let record = runs.next().expect("a record").expect("an entry").path();
    running.signal("KILL").wait();
    assert!(!record.join("verdict.json").exists());
    for (form, mark) in [
        ("terminal", "unfinished"),
        ("json", "\"result\": \"unfinished\""),
        ("tap", "Bail out!"),
        ("html", "has no end"),
        ("junit", "<error message=\"unfinished"),
    ] {
        let told = project.kitchen(&format!("report -f {form}")).succeeds();
        let told = told.prints(mark).complains("This record is unfinished");
        if form == "junit" {
            is_junit(&told.out);
        }
    }
    // Cut in the middle of a line, as by a disk that was full.
    let path = record.join("events.ndjson");
    let bytes = std::fs::read(&path).expect("a record");
    std::fs::write(&path, &bytes[..bytes.len() - 7]).expect("a shorter record");
    let junit = project.kitchen("report -f junit").succeeds();
    is_junit(&junit.prints("unfinished").out);
}
