//! Hands a template to Ruby itself, where there is one.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use banquet_sdk::{Line, Output, Stdin, Stream, async_trait, process};

use super::environment::Environment;

/// How long Ruby may take: templates may ask the network.
const DEADLINE: Duration = Duration::from_secs(60);

/// Renders the template on standard input. The answer is a line of its own: a word, then texts in
/// hexadecimal. What the template prints goes to standard error. Test Kitchen's own libraries change
/// no text: they may be missing. Memory is limited, and Ruby ends itself, with all that the template
/// started, when the kitchen is gone: a signal may end the kitchen while it waits here.
const PROGRAM: &str = r#"
Process.setrlimit(:DATA, 2 * 1024**3) rescue nil
kitchen = ARGV[1].to_i
Thread.new do
  sleep 0.2 while Process.ppid == kitchen
  Process.kill(:KILL, Process.getpgrp == Process.pid ? -Process.pid : Process.pid)
end
answer = $stdout.dup
$stdout.reopen($stderr)
template = $stdin.read.force_encoding('UTF-8')
say = ->(*words) { answer.puts(words.join(' ')); answer.flush }
hex = ->(text) { text.to_s.dup.force_encoding('BINARY').unpack1('H*') }
loads = Kernel.instance_method(:require)
Kernel.define_method(:require) do |name|
  loads.bind_call(self, name)
rescue LoadError
  raise unless %w[kitchen kitchen-sync kitchen/sync].include?(name)
  true
end
begin
  erb = ERB.new(template)
  erb.filename = ARGV[0]
  say.call('rendered', hex.call(erb.result))
rescue SystemExit
  raise
rescue Exception => e
  here = (e.backtrace || []).map { |line| line[/\A#{Regexp.escape(ARGV[0])}:(\d+)/, 1] }.compact.first
  here ||= e.message[/\A#{Regexp.escape(ARGV[0])}:(\d+)/, 1]
  say.call('raised', here || 0, hex.call(e.class), hex.call(e.message))
end
"#;

/// What Ruby made of a template.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The text, and what the template printed.
    Rendered(String, String),
    /// An error: the line of the template where known, its class and message.
    Raised(Option<usize>, String, String),
    /// Ruby gave no answer; why.
    Failed(String),
}

/// The program `ruby` on the search path.
pub fn find(environment: &Environment) -> Option<PathBuf> {
    let names: &[&str] = if cfg!(windows) {
        &["ruby.exe"]
    } else {
        &["ruby"]
    };
    let folders = std::env::split_paths(environment.variable("PATH")?).collect::<Vec<_>>();
    let mut candidates = folders
        .iter()
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    candidates.find(|path| path.is_file())
}

/// Lets the program at `ruby` render `template`, the text of `file`.
pub fn render(ruby: &Path, template: &str, file: &Path, environment: &Environment) -> Answer {
    let mut command = tokio::process::Command::new(ruby);
    command.args(["-rerb", "-e", PROGRAM]).arg(file);
    command.arg(std::process::id().to_string());
    command
        .env_clear()
        .envs(environment.variables.iter().cloned());
    command.current_dir(&environment.directory);
    let stdin = Stdin::Bytes(template.as_bytes().to_vec());
    let lines = Lines::default();
    // The caller may be inside of a runtime, which must not be blocked by another: a thread has its own.
    let result = std::thread::scope(|scope| {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let run = async {
                tokio::time::timeout(DEADLINE, process::run(command, &stdin, &lines)).await
            };
            Ok::<_, std::io::Error>(runtime.block_on(run))
        };
        scope.spawn(run).join()
    });
    let failure = match result {
        Ok(Ok(Ok(Ok(status)))) => format!("ruby ended with exit code {}", status.0),
        Ok(Ok(Ok(Err(error)))) => error.to_string(),
        Ok(Ok(Err(_))) => format!("ruby took more than {} seconds", DEADLINE.as_secs()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "ruby could not be waited for".into(),
    };
    lines.answer().unwrap_or_else(|printed| {
        let last = printed.lines().last().unwrap_or_default();
        Answer::Failed(if last.is_empty() {
            failure
        } else {
            format!("{failure}: {last}")
        })
    })
}

#[derive(Default)]
struct Lines(Mutex<(String, String)>);

#[async_trait]
impl Output for Lines {
    async fn line(&self, line: Line) {
        let mut texts = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match line.stream {
            // Long lines come in pieces; the answer is the only line here.
            Stream::Out => texts.0.push_str(&line.text),
            _ => {
                texts.1.push_str(&line.text);
                texts.1.push('\n');
            }
        }
    }
}

impl Lines {
    /// The answer, or what was printed if there is none.
    fn answer(self) -> Result<Answer, String> {
        let (answer, printed) = self
            .0
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let words: Vec<&str> = answer.split(' ').collect();
        let parsed = match words[..] {
            ["rendered", text] => decoded(text).map(|text| Answer::Rendered(text, printed.clone())),
            ["raised", line, class, message] => {
                decoded(class)
                    .zip(decoded(message))
                    .map(|(class, message)| {
                        let line = line.parse().ok().filter(|line| *line > 0);
                        Answer::Raised(line, class, message)
                    })
            }
            _ => None,
        };
        parsed.ok_or(printed)
    }
}

/// The text of these hexadecimal digits.
pub fn decoded(hex: &str) -> Option<String> {
    let digits = hex.as_bytes();
    let digit = |byte: u8| (byte as char).to_digit(16);
    let bytes: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| Some((digit(pair[0])? * 16 + digit(*pair.get(1)?)?) as u8))
        .collect();
    Some(String::from_utf8_lossy(&bytes?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(out: &str, printed: &str) -> Result<Answer, String> {
        Lines(Mutex::new((out.into(), printed.into()))).answer()
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(
            answer("rendered 613a0a", "hi\n"),
            Ok(Answer::Rendered("a:\n".into(), "hi\n".into()))
        );
        assert_eq!(
            answer("rendered ", ""),
            Ok(Answer::Rendered(String::new(), String::new()))
        );
        assert_eq!(
            answer("raised 3 41 42", ""),
            Ok(Answer::Raised(Some(3), "A".into(), "B".into()))
        );
        assert_eq!(
            answer("raised 0 41 ", ""),
            Ok(Answer::Raised(None, "A".into(), String::new()))
        );
        assert_eq!(answer("", "killed\n"), Err("killed\n".into()));
        assert_eq!(answer("rendered 6", "x"), Err("x".into()));
    }
}
