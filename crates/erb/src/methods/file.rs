//! `File` and `Dir`.

use std::fs;
use std::io;
use std::path::{Component, Path};

use super::super::machine::{Blk, Machine};
use super::super::stop::{Eval, MAX_TEXT, raise};
use super::super::value::Value;
use super::arguments::{arity, one, text};
use super::glob;
use super::object::texts;

/// Calls a method of `File`.
pub fn of_file(machine: &mut Machine, name: &str, args: &[Value]) -> Eval<Option<Value>> {
    let path = |machine: &Machine| Ok(machine.environment.resolve(&text(one(args)?)?));
    Ok(Some(match name {
        "exist?" | "exists?" => Value::Bool(path(machine)?.exists()),
        "file?" => Value::Bool(path(machine)?.is_file()),
        "directory?" => Value::Bool(path(machine)?.is_dir()),
        "symlink?" => Value::Bool(path(machine)?.is_symlink()),
        "readable?" => Value::Bool(fs::File::open(path(machine)?).is_ok()),
        "zero?" | "empty?" => {
            Value::Bool(fs::metadata(path(machine)?).is_ok_and(|file| file.len() == 0))
        }
        "size" => {
            let (shown, path) = (text(one(args)?)?, path(machine)?);
            match fs::metadata(path) {
                Ok(file) => Value::Int(i64::try_from(file.len()).unwrap_or(i64::MAX)),
                Err(error) => return failed(&error, "rb_file_s_size", &shown),
            }
        }
        "read" | "binread" => {
            let content = read(machine, &text(one(args)?)?)?;
            machine.text(content)?
        }
        "readlines" => {
            arity(args, 1, 2)?;
            let content = read(machine, &text(&args[0])?)?;
            let content = Value::str(content);
            return machine.call(&content, "lines", &args[1..], None).map(Some);
        }
        "realpath" => {
            let shown = text(one(args)?)?;
            match path(machine)?.canonicalize() {
                Ok(path) => Value::str(path.to_string_lossy()),
                Err(error) => return failed(&error, "rb_realpath_internal", &shown),
            }
        }
        _ => return of_path(machine, name, args),
    }))
}

/// Calls a method of `File` that only works on names.
fn of_path(machine: &mut Machine, name: &str, args: &[Value]) -> Eval<Option<Value>> {
    Ok(Some(match name {
        "join" => {
            let mut flat = Vec::new();
            for arg in args {
                flat.extend(super::lists::spread(arg));
            }
            Value::str(join(&texts(&flat)?))
        }
        "expand_path" | "absolute_path" => {
            arity(args, 1, 2)?;
            let home = name == "expand_path";
            let base = args
                .get(1)
                .filter(|base| !matches!(base, Value::Nil))
                .map(text)
                .transpose()?;
            let base = match base {
                Some(base) => expand(machine, &base, "", home)?,
                None => String::new(),
            };
            Value::str(expand(machine, &text(&args[0])?, &base, home)?)
        }
        "dirname" => Value::str(dirname(&text(one(args)?)?)),
        "basename" => {
            arity(args, 1, 2)?;
            let path = text(&args[0])?;
            let suffix = args.get(1).map(text).transpose()?;
            Value::str(basename(&path, suffix.as_deref()))
        }
        "extname" => Value::str(extname(basename(&text(one(args)?)?, None).as_str())),
        "split" => {
            let path = text(one(args)?)?;
            machine.array(vec![
                Value::str(dirname(&path)),
                Value::str(basename(&path, None)),
            ])
        }
        "absolute_path?" => Value::Bool(text(one(args)?)?.starts_with('/')),
        _ => return Ok(None),
    }))
}

/// Calls a method of `Dir`.
pub fn of_dir(
    machine: &mut Machine,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    let directory = || machine.environment.directory.to_string_lossy().into_owned();
    Ok(Some(match name {
        "pwd" | "getwd" => Value::str(directory()),
        "home" if args.is_empty() => Value::str(home(machine)?),
        "exist?" | "exists?" => {
            Value::Bool(machine.environment.resolve(&text(one(args)?)?).is_dir())
        }
        "empty?" => {
            let path = machine.environment.resolve(&text(one(args)?)?);
            Value::Bool(fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()))
        }
        // tmpdir.rb: the first that is a directory.
        "tmpdir" => {
            let named = ["TMPDIR", "TMP", "TEMP"]
                .iter()
                .filter_map(|name| machine.environment.variable(name));
            let found = named.chain(["/tmp"]).find(|path| Path::new(path).is_dir());
            Value::str(found.unwrap_or("."))
        }
        "glob" | "[]" => {
            let mut patterns = Vec::new();
            for arg in args {
                patterns.extend(super::lists::spread(arg));
            }
            let mut found = Vec::new();
            for pattern in texts(&patterns)? {
                found.extend(glob::glob(machine, &pattern)?.into_iter().map(Value::str));
            }
            listed(machine, found, block)?
        }
        "entries" | "children" | "each_child" => {
            let shown = text(one(args)?)?;
            let entries = match fs::read_dir(machine.environment.resolve(&shown)) {
                Ok(entries) => entries,
                Err(error) => return failed(&error, "dir_initialize", &shown),
            };
            let mut names: Vec<String> = entries
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            if name == "entries" {
                names.extend([".".into(), "..".into()]);
            }
            names.sort();
            listed(machine, names.into_iter().map(Value::str).collect(), block)?
        }
        _ => return Ok(None),
    }))
}

fn listed(machine: &mut Machine, list: Vec<Value>, block: Blk) -> Eval {
    machine.charge(list.len() * 16)?;
    let list = machine.array(list);
    if block.is_none() {
        return Ok(list);
    }
    machine.call(&list, "each", &[], block)?;
    Ok(Value::Nil)
}

/// The text of a file.
fn read(machine: &Machine, shown: &str) -> Eval<String> {
    let path = machine.environment.resolve(shown);
    let large = |file: &fs::Metadata| file.is_file() && file.len() > MAX_TEXT as u64;
    if fs::metadata(&path).is_ok_and(|file| large(&file)) {
        return Err(super::super::stop::Stop::Limit(
            "reads a file of more than 32 MiB",
        ));
    }
    match fs::metadata(&path) {
        Ok(file) if file.is_dir() => raise(
            "Errno::EISDIR",
            format!("Is a directory @ io_fread - {shown}"),
        ),
        // A pipe or a device may never end.
        Ok(file) if !file.is_file() => {
            super::super::stop::beyond("reading what is no regular file")
        }
        _ => match fs::read(&path) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => failed(&error, "rb_sysopen", shown),
        },
    }
}

/// Raises the error that Ruby has for one of the system's.
fn failed<T>(error: &io::Error, function: &str, path: &str) -> Eval<T> {
    let (class, message) = match error.kind() {
        io::ErrorKind::NotFound => ("Errno::ENOENT", "No such file or directory"),
        io::ErrorKind::PermissionDenied => ("Errno::EACCES", "Permission denied"),
        io::ErrorKind::NotADirectory => ("Errno::ENOTDIR", "Not a directory"),
        _ => return raise("SystemCallError", format!("{error} - {path}")),
    };
    raise(class, format!("{message} @ {function} - {path}"))
}

fn join(parts: &[String]) -> String {
    let mut joined = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index == 0 {
            joined.push_str(part);
            continue;
        }
        match (joined.ends_with('/'), part.starts_with('/')) {
            (true, true) => joined.truncate(joined.trim_end_matches('/').len()),
            (false, false) => joined.push('/'),
            _ => {}
        }
        joined.push_str(part);
    }
    joined
}

fn home(machine: &Machine) -> Eval<String> {
    match machine.environment.variable("HOME") {
        Some(home) => Ok(home.to_owned()),
        None if cfg!(windows) => super::super::stop::beyond("the home directory"),
        None => raise(
            "ArgumentError",
            "couldn't find HOME environment -- expanding `~'",
        ),
    }
}

/// An absolute path without `.` and `..`.
fn expand(machine: &Machine, path: &str, base: &str, tilde: bool) -> Eval<String> {
    let path = match path.strip_prefix('~') {
        Some(rest) if tilde && (rest.is_empty() || rest.starts_with('/')) => home(machine)? + rest,
        Some(_) if tilde => return super::super::stop::beyond("another user's home directory"),
        _ => path.to_owned(),
    };
    let full = machine.environment.directory.join(base).join(path);
    let mut parts: Vec<String> = Vec::new();
    let mut root = String::new();
    for component in full.components() {
        match component {
            Component::Prefix(prefix) => root = prefix.as_os_str().to_string_lossy().into_owned(),
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::RootDir | Component::CurDir => {}
        }
    }
    Ok(format!("{root}/{}", parts.join("/")))
}

fn dirname(path: &str) -> String {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rfind('/') {
        _ if trimmed.is_empty() && path.starts_with('/') => "/".into(),
        None => ".".into(),
        Some(at) => match trimmed[..at].trim_end_matches('/') {
            "" => "/".into(),
            folder => folder.into(),
        },
    }
}

fn basename(path: &str, suffix: Option<&str>) -> String {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        return if path.is_empty() {
            String::new()
        } else {
            "/".into()
        };
    }
    let name = trimmed.rsplit('/').next().unwrap_or_default();
    let cut = match suffix {
        Some(".*") => name.strip_suffix(extname(name).as_str()),
        Some(suffix) if suffix != name => name.strip_suffix(suffix),
        _ => None,
    };
    cut.unwrap_or(name).to_owned()
}

fn extname(name: &str) -> String {
    match name.trim_start_matches('.').rfind('.') {
        Some(at) => {
            let hidden = name.len() - name.trim_start_matches('.').len();
            let extension = &name[hidden + at..];
            if extension == "." {
                String::new()
            } else {
                extension.to_owned()
            }
        }
        None => String::new(),
    }
}
