//! Verifiers `inspec` and `cinc_auditor`: InSpec on the workstation against the instance, each
//! result of a control a case. A [`config`] becomes words and options, a [`target`] says where to,
//! the [`report`] becomes cases.

mod config;
mod report;
mod target;

use banquet_sdk::on_machine::base;
use banquet_sdk::tool::{self, Stage};
use banquet_sdk::{
    Connection, Context, Error, ErrorKind, ExitStatus, Fault, LocalPath, PluginInfo, Result, State,
    Stdin, TestCase, Tests, Verifier, async_trait, cases, process,
};
use serde_json::{Map, Value, json};

pub use config::Config;

const INSTALL: &str = "Install Chef InSpec or Cinc Auditor (https://cinc.sh/download), or name the \
                       program by `inspec`.";
const REPORT: &str = "inspec.json";
/// What InSpec says by its exit code: a control failed; some were skipped; the licence was not
/// accepted, or is not there.
const FAILED: i32 = 100;
const SKIPPED: i32 = 101;
const NO_LICENCE: [i32; 2] = [172, 174];

/// Runs InSpec.
#[derive(Clone, Copy, Debug)]
pub struct Inspec {
    name: &'static str,
    /// Programs, the one that is preferred first.
    programs: [&'static str; 2],
}

impl Inspec {
    /// Chef's, else Cinc's.
    pub fn chef() -> Self {
        Self {
            name: "inspec",
            programs: ["inspec", "cinc-auditor"],
        }
    }

    /// Cinc's, else Chef's, under one of the names that files have for it.
    pub fn cinc(name: &'static str) -> Self {
        Self {
            name,
            programs: ["cinc-auditor", "inspec"],
        }
    }

    fn program<'a>(&'a self, config: &'a Config) -> &'a str {
        match &config.inspec {
            Some(program) => program,
            None => {
                let mut programs = self.programs.into_iter();
                let found = programs.find(|name| tool::on_path(name).is_some());
                found.unwrap_or(self.programs[0])
            }
        }
    }
}

#[async_trait]
impl Verifier for Inspec {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>(self.name, "InSpec or Cinc Auditor against the instance")
            .with_base()
            .paths([
                LocalPath::any("/input_files/*"),
                LocalPath::any("/attrs/*"),
                LocalPath::any("/waiver_files/*"),
                LocalPath::directory("/profiles_path"),
                LocalPath::command("/inspec"),
            ])
    }

    fn tests(&self, cx: &Context) -> Result<Tests> {
        let own = config::own(cx)?;
        let named = !cx.config::<Config>()?.inspec_tests.0.is_empty();
        match named && own.files().is_empty() {
            true => Ok(Tests::Settings),
            false => Ok(own),
        }
    }

    fn check(&self, cx: &Context) -> Result<()> {
        base(cx)?;
        cx.config::<Config>()?.profiles(cx).map(|_| ())
    }

    async fn verify(
        &self,
        cx: &Context,
        _connection: &dyn Connection,
        state: &mut State,
    ) -> Result<Vec<TestCase>> {
        let (config, base) = (cx.config::<Config>()?, base(cx)?);
        let profiles = config.profiles(cx)?;
        if profiles.is_empty() {
            cx.note(format!(
                "no tests in {} and no inspec_tests",
                cx.tests().display()
            ))
            .await;
            return Ok(Vec::new());
        }
        let program = self.program(&config);
        tool::needs(program, INSTALL)?;
        let stage = Stage::new(&cx.kitchen_dir)?;
        let (way, variables) = target::way(cx, &config, &base)?;
        let mut words = vec![program.to_owned(), "exec".into()];
        words.extend(profiles.words.iter().cloned());
        if !profiles.depends.is_empty() {
            words.push(wrapper(&stage, &profiles.depends)?);
        }
        let own = stage.path().join(REPORT).display().to_string();
        let (reporters, report) = reporters(config.reporters(cx), &own);
        let report = cx.root.join(report);
        cases::forget(&report)?;
        words.push("--reporter".into());
        words.extend(reporters);
        // A word after the list of reporters that begins with dashes ends it.
        words.extend(["--config", "-", "--no-create-lockfile"].map(String::from));
        words.push(
            if config.color {
                "--color"
            } else {
                "--no-color"
            }
            .into(),
        );
        if config.load_plugins == Some(false) {
            words.push("--disable-user-plugins".into());
        }
        let options = options(cx, &config, way, &stage)?;
        let mut command = cx.local_command(&shell_words::join(&words));
        command.envs(state.environment()).envs(variables);
        for (name, value) in [
            ("CHEF_LICENSE_KEY", config.chef_license_key.as_ref()),
            (
                "CHEF_LICENSE_SERVER",
                config.chef_license_server.as_ref().map(|text| &text.0),
            ),
        ] {
            command.envs(value.map(|value| (name, value)));
        }
        let stdin = Stdin::Bytes(options.to_string().into_bytes());
        let status = process::run(command, &stdin, &*cx.output).await?;
        told(program, status, cases::read(&report))
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        let config: Config = cx.config()?;
        Ok(tool::doctor(self.program(&config), INSTALL))
    }
}

/// The reporters with one that writes JSON to a file, and that file. A reporter can be named once
/// only.
fn reporters(mut wanted: Vec<String>, own: &str) -> (Vec<String>, String) {
    if let Some(path) = wanted.iter().find_map(|it| it.strip_prefix("json:")) {
        let path = path.to_owned();
        return (wanted, path);
    }
    wanted.retain(|name| name != "json");
    wanted.push(format!("json:{own}"));
    (wanted, own.to_owned())
}

/// InSpec's configuration, for its standard input: no secret is an argument or a file.
fn options(cx: &Context, config: &Config, way: Map<String, Value>, stage: &Stage) -> Result<Value> {
    let mut options = way;
    let mut inputs = config.files(&cx.root, [&config.input_files, &config.attrs]);
    let values = config.inputs();
    if !values.is_empty() {
        // JSON is YAML.
        stage.write_secret("inputs.yml", Value::Object(values).to_string())?;
        inputs.push(stage.path().join("inputs.yml").display().to_string());
    }
    let waivers = config.files(&cx.root, [&config.waiver_files, &Default::default()]);
    for (key, list) in [
        ("input_file", inputs),
        ("waiver_file", waivers),
        ("controls", config.controls.0.clone()),
    ] {
        if !list.is_empty() {
            options.insert(key.into(), json!(list));
        }
    }
    options.insert(
        "backend_cache".into(),
        json!(config.backend_cache.unwrap_or(true)),
    );
    if let Some(path) = &config.profiles_path {
        let path = cx.root.join(path).display().to_string();
        options.insert("profiles_path".into(), json!(path));
    }
    let mut all = json!({"version": "1.1", "cli_options": options});
    if !config.plugin_config.is_empty() {
        all["version"] = json!("1.2");
        all["plugins"] = json!(config.plugin_config);
    }
    Ok(all)
}

/// A profile that brings others, for what no argument can say (a branch, a path inside).
fn wrapper(stage: &Stage, depends: &[Map<String, Value>]) -> Result<String> {
    let profile = json!({"name": "kitchen", "version": "1.0.0", "depends": depends});
    stage.write_secret("profile/inspec.yml", profile.to_string())?;
    let names = depends.iter().filter_map(|entry| entry.get("name"));
    let lines: String = names
        .map(|name| format!("include_controls {name}\n"))
        .collect();
    stage.write_secret("profile/controls/all.rb", lines)?;
    Ok(stage.path().join("profile").display().to_string())
}

fn told(program: &str, status: ExitStatus, report: Result<String>) -> Result<Vec<TestCase>> {
    let judged = [0, FAILED, SKIPPED].contains(&status.0);
    if !judged || report.is_err() {
        let mut error = Error::new(
            ErrorKind::Action,
            format!("{program} exec: exit code {}", status.0),
        );
        error.exit_code = Some(status.0);
        return Err(match NO_LICENCE.contains(&status.0) {
            true => {
                error.hint("Accept its licence: CHEF_LICENSE=accept-no-persist in the environment.")
            }
            false => error.hint("It ended before it judged; what it said is above."),
        });
    }
    let cases = report::cases(&report?)?;
    match status.0 {
        FAILED => Ok(cases::with_exit(cases, program, status)),
        _ => Ok(cases),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_file_that_is_wished_for_is_the_one_that_is_read() {
        let words = |list: &[&str]| list.iter().map(|word| word.to_string()).collect::<Vec<_>>();
        assert_eq!(
            reporters(words(&["cli", "junit:a.xml"]), "/r.json"),
            (
                words(&["cli", "junit:a.xml", "json:/r.json"]),
                "/r.json".into()
            )
        );
        assert_eq!(
            reporters(words(&["json:out.json", "cli"]), "/r.json"),
            (words(&["json:out.json", "cli"]), "out.json".into())
        );
        assert_eq!(
            reporters(words(&["json"]), "/r.json"),
            (words(&["json:/r.json"]), "/r.json".into())
        );
    }

    #[test]
    fn what_no_argument_can_say_is_a_profile() {
        let root = tempfile::tempdir().unwrap();
        let stage = Stage::new(&root.path().join(".kitchen")).unwrap();
        let depends = json!([{"name": "ssh", "git": "https://example.org/a.git", "tag": "v1"}]);
        let depends: Vec<Map<String, Value>> = serde_json::from_value(depends).unwrap();
        let path = wrapper(&stage, &depends).unwrap();
        let read = |name: &str| std::fs::read_to_string(format!("{path}/{name}")).unwrap();
        let profile: Value = serde_json::from_str(&read("inspec.yml")).unwrap();
        assert_eq!(profile["depends"][0]["tag"], "v1");
        assert_eq!(read("controls/all.rb"), "include_controls \"ssh\"\n");
    }
}
