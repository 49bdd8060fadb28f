//! Scripts in a directory `bash`, as busser-bash has them: each is a test, its exit code judges.

use std::collections::BTreeMap;
use std::time::Instant;

use banquet_sdk::on_machine::{Bench, base};
use banquet_sdk::tool::Base;
use banquet_sdk::{
    CaseStatus, Connection, Context, Fault, PluginInfo, Result, State, TestCase, Tests, Verifier,
    async_trait,
};
use shell_words::quote;

const BASH: &str = "bash";
const INSTALL: &str = "Install it in a converge: the package bash.";

/// Runs them, one after another.
pub struct Bash;

/// `*_{test,spec}.{sh,bash}`, not below further directories.
fn is_test(path: &str) -> bool {
    let endings = ["_test.sh", "_spec.sh", "_test.bash", "_spec.bash"];
    !path.contains('/') && endings.iter().any(|ending| path.ends_with(ending))
}

#[async_trait]
impl Verifier for Bash {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Base>(BASH, "scripts whose exit codes judge").paths(Base::paths())
    }

    fn tests(&self, cx: &Context) -> Result<Tests> {
        Tests::of(cx.tests().join(BASH), "*_test.sh", is_test)
    }

    async fn verify(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        _state: &mut State,
    ) -> Result<Vec<TestCase>> {
        let base = base(cx)?;
        let bench = Bench::new(cx, connection, &base, &BTreeMap::new());
        let directory = cx.tests().join(BASH);
        let tests = self.tests(cx)?;
        let tests = tests.files();
        if tests.is_empty() {
            cx.note(format!("no tests (*_test.sh) in {}", directory.display()))
                .await;
            return Ok(Vec::new());
        }
        bench.needs(BASH, INSTALL).await?;
        bench.send(BASH, &[directory]).await?;
        let mut cases = Vec::new();
        for test in tests {
            let name = test.file_name().unwrap_or_default().to_string_lossy();
            let code = format!(
                "cd {}/bash && as_root bash {}",
                quote(&bench.suites()),
                quote(&name)
            );
            cases.push(run(&bench, name.into_owned(), &code).await?);
        }
        Ok(cases)
    }

    async fn examine(&self, cx: &Context, connection: &dyn Connection) -> Result<Vec<Fault>> {
        let base = base(cx)?;
        let bench = Bench::new(cx, connection, &base, &BTreeMap::new());
        bench.doctor(BASH, INSTALL).await
    }
}

async fn run(bench: &Bench<'_>, name: String, code: &str) -> Result<TestCase> {
    let started = Instant::now();
    let (status, out) = bench.run_and_keep(code).await?;
    let mut case = match status.success() {
        true => TestCase::new(name, CaseStatus::Passed),
        false => {
            let last = out.lines().last().map(|line| format!(": {line}"));
            let code = format!("exit code {}", status.0);
            TestCase::failed(name, code + &last.unwrap_or_default())
        }
    };
    case.duration = Some(started.elapsed());
    Ok(case)
}
