//! `kitchen init`: makes a directory a project, as Test Kitchen's generator does
//! (lib/kitchen/generator/init.rb). Files that are there are never overwritten, and a second call
//! changes nothing.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use banquet_sdk::private;
use clap::Args;

use super::exit::Exit;
use super::fault::{Fault, no_colour};
use super::streams;

/// `init`.
#[derive(Args, Clone, Debug)]
pub struct Init {
    /// Drivers, the first is written to kitchen.yml; with or without `kitchen-` in front
    #[arg(short = 'D', long, value_name = "NAME", num_args = 1.., default_value = "kitchen-vagrant")]
    pub driver: Vec<String>,
    /// The provisioner
    #[arg(short = 'P', long, value_name = "NAME", default_value = "shell")]
    pub provisioner: String,
    /// Write a Gemfile where there is none
    #[arg(long)]
    pub create_gemfile: bool,
}

/// Rake tasks with the names of Test Kitchen's (lib/kitchen/rake_tasks.rb).
const RAKE: &str = r#"
# Tasks of kitchen: `rake kitchen:all`, `kitchen:NAME`, `kitchen:ACTION`, `kitchen:ACTION:NAME`.
rule(/\Akitchen:/) do |task|
  action, name = task.name.split(":").drop(1)
  known = %w{create converge setup verify destroy}.include?(action)
  call = known ? [action, name || "all"] : ["test", "--destroy=always", action]
  sh "kitchen", *call
end
"#;

/// Thor tasks with the names of Test Kitchen's (lib/kitchen/thor_tasks.rb).
const THOR: &str = r#"
# Tasks of kitchen: `thor kitchen:all`, `thor kitchen:NAME` with `_` for `-`.
class KitchenTasks < Thor
  namespace :kitchen
  [*`kitchen list --bare`.split, "all"].each do |name|
    desc name.tr("-", "_"), "Test #{name}"
    define_method(name.tr("-", "_")) do
      system("kitchen", "test", "--destroy=always", name) || exit(1)
    end
  end
end
"#;

/// Both hold the words by which an earlier call, or Test Kitchen's own tasks, are found.
const TASKS: [&str; 3] = [
    "Tasks of kitchen:",
    "kitchen/rake_tasks",
    "kitchen/thor_tasks",
];

/// Writes what is missing in the working directory.
pub fn init(init: &Init) -> Result<Exit, Fault> {
    let colours = io::stdout().is_terminal() && !no_colour();
    let mut generator = Generator {
        root: PathBuf::from("."),
        told: Vec::new(),
    };
    let done = generator.run(init);
    for (status, path) in &generator.told {
        match (colours, *status) {
            (false, _) => writeln!(streams::stdout(), "{status:>12}  {path}")?,
            (true, "create" | "append") => {
                writeln!(
                    streams::stdout(),
                    "\u{1b}[1;32m{status:>12}\u{1b}[0m  {path}"
                )?;
            }
            (true, _) => writeln!(
                streams::stdout(),
                "\u{1b}[1;34m{status:>12}\u{1b}[0m  {path}"
            )?,
        }
    }
    if done? {
        writeln!(
            streams::stdout(),
            "You must run `bundle install' to fetch any new gems."
        )?;
    }
    Ok(Exit::Success)
}

/// What `test --auto-init` does first: writes a configuration with the defaults of `init`, where
/// the environment names none and there is none.
pub fn init_where_missing() -> Result<(), Fault> {
    let named = |name| std::env::var_os(name).filter(|path| !path.is_empty());
    let named = named("KITCHEN_YAML").or_else(|| named("KITCHEN_YML"));
    let missing = match &named {
        Some(path) => !Path::new(path).exists(),
        None => KITCHEN.iter().all(|path| !Path::new(path).exists()),
    };
    if !missing {
        return Ok(());
    }
    let path = named.unwrap_or_else(|| KITCHEN[0].into());
    writeln!(
        streams::stdout(),
        "-----> Invoking init as '{}' file is missing",
        path.display()
    )?;
    init(&Init {
        driver: vec!["kitchen-vagrant".into()],
        provisioner: "shell".into(),
        create_gemfile: false,
    })?;
    Ok(())
}

/// Names of a project's file.
const KITCHEN: [&str; 2] = ["kitchen.yml", ".kitchen.yml"];

/// Writes files below `root`.
struct Generator {
    root: PathBuf,
    /// What happened to which path, in Thor's words.
    told: Vec<(&'static str, String)>,
}

impl Generator {
    /// All of it; gives whether a gem was added.
    fn run(&mut self, init: &Init) -> Result<bool, Fault> {
        match KITCHEN.iter().find(|path| self.has(path)) {
            Some(path) => self.tell("skip", path),
            None => self.create("kitchen.yml", &self.kitchen_yml(init)?)?,
        }
        self.create("chefignore", ".kitchen\nkitchen*.yml\n")?;
        for (path, text) in [("Rakefile", RAKE), ("Thorfile", THOR)] {
            if self.has(path) && !TASKS.iter().any(|word| self.contains(path, word)) {
                self.append(path, text)?;
            }
        }
        self.test_directory()?;
        if self.root.join(".git").is_dir() {
            for line in [".kitchen/", ".kitchen.local.yml"] {
                let found = self
                    .lines(".gitignore")
                    .iter()
                    .any(|it| it.starts_with(line));
                if !found {
                    self.append(".gitignore", &format!("{line}\n"))?;
                }
            }
        }
        self.schema()?;
        self.gemfile(init.create_gemfile)
    }

    /// What editors check kitchen.yml by.
    fn schema(&self) -> Result<(), Fault> {
        let path = ".kitchen/schema.json";
        let schema = super::schema::text(super::schema::What::Config);
        private::directory(&self.root.join(".kitchen"))
            .and_then(|()| private::write(&self.root.join(path), schema.as_bytes()))
            .map_err(|error| failed(path, &error))
    }

    fn kitchen_yml(&self, init: &Init) -> Result<String, Fault> {
        let driver = init.driver.first().map_or("dummy", String::as_str);
        let driver = driver.strip_prefix("kitchen-").unwrap_or(driver);
        let recipe = cookbook(&self.lines("metadata.rb"));
        let run_list = recipe.map_or_else(String::new, |name| {
            format!("\n      - recipe[{name}::default]")
        });
        let driver = scalar(driver)?;
        let provisioner = scalar(&init.provisioner)?;
        Ok(format!(
            "\
# yaml-language-server: $schema=.kitchen/schema.json
---
# What `kitchen test` makes and tests: every suite below on every platform below.
# `kitchen list` shows the instances, `kitchen validate` finds mistakes.

driver:
  name: {driver}

provisioner:
  name: {provisioner}

platforms:
  - name: ubuntu-24.04
  - name: almalinux-10

suites:
  - name: default
    run_list:{run_list}
    attributes:
"
        ))
    }

    /// `test/integration/default`, where there is no suite's directory yet.
    fn test_directory(&mut self) -> Result<(), Fault> {
        let suites = self.root.join("test/integration");
        let any = std::fs::read_dir(suites).is_ok_and(|mut entries| {
            entries.any(|entry| entry.is_ok_and(|entry| entry.path().is_dir()))
        });
        if any {
            return Ok(());
        }
        let path = "test/integration/default";
        std::fs::create_dir_all(self.root.join(path)).map_err(|error| failed(path, &error))?;
        self.tell("create", path);
        Ok(())
    }

    /// Adds Test Kitchen's gem where a Gemfile is there or wanted; gives whether it was added.
    fn gemfile(&mut self, wanted: bool) -> Result<bool, Fault> {
        if !self.has("Gemfile") {
            if !wanted {
                return Ok(false);
            }
            self.create("Gemfile", "source \"https://rubygems.org\"\n\n")?;
        }
        let named = ["gem \"test-kitchen\"", "gem 'test-kitchen'"];
        if named.iter().any(|gem| self.contains("Gemfile", gem)) {
            return Ok(false);
        }
        self.append("Gemfile", "gem \"test-kitchen\"\n")?;
        Ok(true)
    }

    /// A new file; one that is there stays as it is.
    fn create(&mut self, path: &str, text: &str) -> Result<(), Fault> {
        let new = std::fs::File::create_new(self.root.join(path));
        match new.and_then(|mut file| file.write_all(text.as_bytes())) {
            Ok(()) => self.tell("create", path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.tell("skip", path),
            Err(error) => return Err(failed(path, &error)),
        }
        Ok(())
    }

    /// Adds lines to the end of a file, which is made where missing.
    fn append(&mut self, path: &str, text: &str) -> Result<(), Fault> {
        let before = match std::fs::read(self.root.join(path)) {
            Ok(before) => before,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.create(path, "")?;
                Vec::new()
            }
            Err(error) => return Err(failed(path, &error)),
        };
        let gap = match before.last() {
            None | Some(b'\n') => "",
            Some(_) => "\n",
        };
        let file = std::fs::OpenOptions::new()
            .append(true)
            .open(self.root.join(path));
        file.and_then(|mut file| file.write_all(format!("{gap}{text}").as_bytes()))
            .map_err(|error| failed(path, &error))?;
        self.tell("append", path);
        Ok(())
    }

    fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    fn lines(&self, path: &str) -> Vec<String> {
        let bytes = std::fs::read(self.root.join(path)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        text.lines().map(str::to_owned).collect()
    }

    fn contains(&self, path: &str, word: &str) -> bool {
        self.lines(path).iter().any(|line| line.contains(word))
    }

    fn tell(&mut self, status: &'static str, path: &str) {
        self.told.push((status, path.into()));
    }
}

/// The name of a cookbook, as its metadata.rb says it: `name 'web'`.
fn cookbook(metadata: &[String]) -> Option<String> {
    metadata.iter().find_map(|line| {
        let rest = line.trim().strip_prefix("name")?;
        let rest = rest.trim_start_matches([' ', '\t', '(']);
        let quote = rest.chars().next().filter(|quote| "'\"".contains(*quote))?;
        let (name, _) = rest[1..].split_once(quote)?;
        Some(name.to_owned())
    })
}

/// A plugin's name as YAML; one that needs quotes is none.
fn scalar(name: &str) -> Result<&str, Fault> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    match !name.is_empty() && name.chars().all(plain) {
        true => Ok(name),
        false => Err(Fault::usage(
            format!("`{name}` is no name of a plugin"),
            ["Names have letters, digits, `_`, `-` and `.`."],
        )),
    }
}

fn failed(path: &str, error: &io::Error) -> Fault {
    let message = format!("write {path}: {error}");
    Fault::new(Exit::Infrastructure, message, None::<String>)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            std::fs::write(directory.path().join(path), text).expect("a file");
        }
        directory
    }

    fn run(directory: &tempfile::TempDir, create_gemfile: bool) -> Vec<String> {
        let mut generator = Generator {
            root: directory.path().into(),
            told: Vec::new(),
        };
        let init = Init {
            driver: vec!["kitchen-docker".into(), "kitchen-ec2".into()],
            provisioner: "shell".into(),
            create_gemfile,
        };
        generator.run(&init).expect("init");
        let told = generator.told.iter();
        told.map(|(status, path)| format!("{status} {path}"))
            .collect()
    }

    fn read(directory: &tempfile::TempDir, path: &str) -> String {
        std::fs::read_to_string(directory.path().join(path)).expect(path)
    }

    #[test]
    fn an_empty_directory_becomes_a_project() {
        let directory = directory(&[]);
        assert_eq!(
            run(&directory, false),
            [
                "create kitchen.yml",
                "create chefignore",
                "create test/integration/default"
            ]
        );
        insta::assert_snapshot!(read(&directory, "kitchen.yml"));
    }

    #[test]
    fn a_second_call_changes_nothing() {
        let directory = directory(&[
            ("Rakefile", "task :default"),
            ("Thorfile", ""),
            ("metadata.rb", "version '1'\nname   'web'\n"),
        ]);
        std::fs::create_dir(directory.path().join(".git")).expect("a directory");
        run(&directory, true);
        let paths = [
            "kitchen.yml",
            "chefignore",
            "Rakefile",
            "Thorfile",
            ".gitignore",
            "Gemfile",
        ];
        let before = paths.map(|path| read(&directory, path));
        assert!(
            before[0].contains("- recipe[web::default]"),
            "{}",
            before[0]
        );
        assert!(
            before[2].starts_with("task :default\n\n# Tasks"),
            "{}",
            before[2]
        );
        assert_eq!(before[4], ".kitchen/\n.kitchen.local.yml\n");
        assert_eq!(
            before[5],
            "source \"https://rubygems.org\"\n\ngem \"test-kitchen\"\n"
        );
        assert_eq!(
            run(&directory, true),
            ["skip kitchen.yml", "skip chefignore"]
        );
        assert_eq!(paths.map(|path| read(&directory, path)), before);
    }

    #[test]
    fn what_is_there_stays() {
        let directory = directory(&[
            (".kitchen.yml", "mine"),
            ("chefignore", "mine"),
            ("Gemfile", "gem 'test-kitchen'\n"),
        ]);
        std::fs::create_dir_all(directory.path().join("test/integration/web")).expect("suites");
        assert_eq!(
            run(&directory, false),
            ["skip .kitchen.yml", "skip chefignore"]
        );
        assert!(!directory.path().join("kitchen.yml").exists());
        assert_eq!(read(&directory, "Gemfile"), "gem 'test-kitchen'\n");
    }

    #[test]
    fn names_of_cookbooks() {
        for (line, expected) in [
            ("name 'web'", Some("web")),
            ("  name(\"a-b\")", Some("a-b")),
            ("name something", None),
            ("names 'web'", None),
        ] {
            assert_eq!(cookbook(&[line.into()]).as_deref(), expected, "{line}");
        }
    }
}
