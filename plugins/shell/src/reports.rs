//! JUnit reports of the verifier's command.

use banquet_sdk::{Connection, Context, Exec, Result, TestCase, cases};
use shell_words::quote;

use crate::verifier::{Config, directory};

/// The reports that `junit` names.
pub(crate) struct Reports<'a> {
    pub cx: &'a Context,
    pub connection: &'a dyn Connection,
    pub config: &'a Config,
}

impl Reports<'_> {
    /// Removes what earlier runs left, which tells nothing of this one.
    pub async fn clear(&self) -> Result<()> {
        let paths = &self.config.junit.0;
        if !self.config.remote_exec {
            for path in paths {
                cases::forget(&directory(self.cx, self.config).join(path))?;
            }
        } else if !paths.is_empty() {
            let words: Vec<_> = paths.iter().map(|path| quote(path)).collect();
            let code = Exec::new(format!("rm -f {}", words.join(" ")));
            let removed = self.connection.exec(&code, &*self.cx.output).await?;
            removed.into_result("remove the old reports")?;
        }
        Ok(())
    }

    /// The cases of all reports.
    pub async fn read(&self) -> Result<Vec<TestCase>> {
        let mut all = Vec::new();
        for (index, path) in self.config.junit.0.iter().enumerate() {
            let told = self.one(path).await.map_err(|mut error| {
                error.key = Some(format!("/junit/{index}"));
                error.hint("`junit` names a file that the command writes, where it runs.")
            })?;
            all.extend(told);
        }
        Ok(cases::distinct(all))
    }

    async fn one(&self, path: &str) -> Result<Vec<TestCase>> {
        if !self.config.remote_exec {
            let path = directory(self.cx, self.config).join(path);
            return cases::junit(&cases::read(&path)?);
        }
        let arrival = self.cx.scratch()?;
        let fetched = self.connection.download(&[path], arrival.path()).await;
        fetched.map_err(|error| error.while_doing(format!("fetch the report {path}")))?;
        let name = std::path::Path::new(path).file_name().unwrap_or_default();
        cases::junit(&cases::read(&arrival.path().join(name))?)
    }
}
