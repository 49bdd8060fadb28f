//! `.kitchen/<instance>.yml`, as Test Kitchen has it (lib/kitchen/state_file.rb).

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Error, read_if_there, remove_if_there, write_atomically};

/// The state file of one instance.
#[derive(Clone, Debug)]
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// The file of `instance` in directory `kitchen` (`.kitchen`).
    pub fn new(kitchen: &Path, instance: &str) -> Self {
        Self {
            path: kitchen.join(format!("{instance}.yml")),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its keys and values; empty where the file is missing or empty, as in Test Kitchen. Keys
    /// that old versions wrote as Ruby symbols (`:hostname`) lose their colon.
    pub fn read(&self) -> Result<Map<String, Value>, Error> {
        let broken = |reason: String| Error::Broken {
            path: self.path.clone(),
            reason,
        };
        let text = match read_if_there(&self.path) {
            Err(Error::Unreadable { .. }) if self.path.is_dir() => {
                return Err(broken("it is a directory".into()));
            }
            text => text?.filter(|text| !text.trim().is_empty()),
        };
        let Some(text) = text else {
            return Ok(Map::new());
        };
        match serde_saphyr::from_str(&text) {
            Ok(Value::Object(map)) => Ok(map
                .into_iter()
                .map(|(key, value)| (key.trim_start_matches(':').to_owned(), value))
                .collect()),
            Ok(_) => Err(broken("it holds no keys".into())),
            Err(error) => Err(broken(first_line(&error.to_string()))),
        }
    }

    /// Puts `values` in its place.
    pub fn write(&self, values: &Map<String, Value>) -> Result<(), Error> {
        write_atomically(&self.path, yaml(values, &self.path)?.as_bytes())
    }

    /// Removes it; gone already is success.
    pub fn remove(&self) -> Result<(), Error> {
        remove_if_there(&self.path)
    }

    /// Moves a file that cannot be read to `<instance>.yml.broken`; gives the new place.
    pub fn set_aside(&self) -> Result<PathBuf, Error> {
        let aside = (1..).map(|count| match count {
            1 => self.path.with_extension("yml.broken"),
            _ => self.path.with_extension(format!("yml.broken-{count}")),
        });
        // A file gives way to another; of a directory nothing is known.
        let mut aside =
            aside.filter(|path| !(path.is_dir() || self.path.is_dir() && path.exists()));
        let aside = aside.next().unwrap_or_default();
        std::fs::rename(&self.path, &aside)
            .map_err(|error| Error::unwritable(&self.path, error))?;
        Ok(aside)
    }
}

/// As Test Kitchen writes it: a document with string keys.
pub(super) fn yaml(value: &impl serde::Serialize, path: &Path) -> Result<String, Error> {
    serde_saphyr::to_string(value)
        .map(|text| format!("---\n{text}"))
        .map_err(|error| Error::Broken {
            path: path.into(),
            reason: error.to_string(),
        })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file() -> (tempfile::TempDir, StateFile) {
        let directory = tempfile::tempdir().unwrap();
        let file = StateFile::new(&directory.path().join(".kitchen"), "web1-centos-7");
        (directory, file)
    }

    #[test]
    fn what_is_written_is_read() {
        let (_directory, file) = file();
        assert_eq!(file.read().unwrap(), Map::new());
        let values = json!({
            "hostname": "10.0.0.1", "port": 22, "answer": "yes", "number": "0755", "none": null,
            "list": [1, "two", {"three": true}], "text": "a\nb: c\n", "empty": "", "colon": "a: b",
            "last_action": "create",
        });
        let values = values.as_object().unwrap();
        file.write(values).unwrap();
        assert_eq!(&file.read().unwrap(), values);
        file.remove().unwrap();
        file.remove().unwrap();
        assert_eq!(file.read().unwrap(), Map::new());
    }

    #[test]
    fn nothing_else_is_left_in_the_directory() {
        let (directory, file) = file();
        file.write(&Map::new()).unwrap();
        file.write(&Map::new()).unwrap();
        let names: Vec<_> = std::fs::read_dir(directory.path().join(".kitchen"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["web1-centos-7.yml"]);
    }

    #[test]
    fn files_of_test_kitchen_are_read() {
        let (_directory, file) = file();
        std::fs::create_dir_all(file.path().parent().unwrap()).unwrap();
        std::fs::write(
            file.path(),
            "---\n:hostname: 127.0.0.1\nport: '2222'\nssh_key: \"/a b\"\nlast_action: converge\n\
             last_error: \nproviders:\n  external:\n    version: '1.0'\n",
        )
        .unwrap();
        assert_eq!(
            Value::Object(file.read().unwrap()),
            json!({"hostname": "127.0.0.1", "port": "2222", "ssh_key": "/a b",
                "last_action": "converge", "last_error": null,
                "providers": {"external": {"version": "1.0"}}})
        );
    }

    #[test]
    fn a_broken_file_is_named_and_set_aside_whole() {
        let (_directory, file) = file();
        std::fs::create_dir_all(file.path().parent().unwrap()).unwrap();
        for text in ["---\nhostname: [cut\n", "just words", "- a\n- b\n"] {
            std::fs::write(file.path(), text).unwrap();
            let error = file.read().unwrap_err();
            assert!(error.to_string().contains("web1-centos-7.yml"), "{error}");
            assert!(matches!(error, Error::Broken { .. }), "{error}");
            let aside = file.set_aside().unwrap();
            assert_eq!(std::fs::read_to_string(aside).unwrap(), text);
        }
    }

    #[test]
    fn a_directory_in_its_place_is_named_and_set_aside() {
        let (_directory, file) = file();
        for count in ["broken", "broken-2"] {
            std::fs::create_dir_all(file.path().join("something")).unwrap();
            let error = file.read().unwrap_err();
            assert!(error.to_string().ends_with("it is a directory"), "{error}");
            assert!(matches!(error, Error::Broken { .. }), "{error}");
            let aside = file.set_aside().unwrap();
            assert!(
                aside.to_string_lossy().ends_with(count),
                "{}",
                aside.display()
            );
            assert!(aside.join("something").is_dir());
        }
        assert_eq!(file.read().unwrap(), Map::new());
    }
}
