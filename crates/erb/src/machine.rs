//! The state of an evaluation. Ruby's methods work on it without a view of what evaluates: where
//! one runs a block or calls another method, it asks the [`Evaluator`].

use std::cell::RefCell;
use std::rc::Rc;

use super::environment::Environment;
use super::output::Output;
use super::rendered::Rendered;
use super::stop::{Eval, MAX_TEXT, Stop};
use super::template::Program;
use super::value::{Proc, Scope, Value};

/// A call's block, if it has one.
pub type Blk<'a> = Option<&'a Rc<Proc>>;

/// What runs blocks and calls methods.
#[derive(Clone, Copy)]
pub struct Evaluator {
    /// Runs a block on values.
    pub block: fn(&mut Machine, &Rc<Proc>, &[Value]) -> Eval,
    /// Calls the method of this name.
    pub method: fn(&mut Machine, &Value, &str, &[Value], Blk) -> Eval,
}

/// How many steps a template may take; a step is a node, or the work of one on some bytes.
const STEPS: u64 = 3_000_000;
/// Lists and scopes that are alive, so that long chains of them are freed one by one.
pub enum Held {
    Array(Rc<RefCell<Vec<Value>>>),
    Hash(Rc<RefCell<Vec<(Value, Value)>>>),
    Scope(Rc<Scope>),
}

/// An evaluation.
pub struct Machine<'a> {
    /// What the program sees of the workstation.
    pub environment: &'a Environment,
    /// Variables of the environment that the program set.
    pub overlay: Vec<(String, Option<String>)>,
    /// What is rendered so far.
    pub output: Output,
    /// What it printed.
    pub printed: String,
    /// What the last regular expression found.
    pub found: Value,
    /// Path of the template.
    pub file: String,
    /// Byte of the program that is evaluated.
    pub at: usize,
    /// The program.
    pub program: &'a Program,
    /// Variables that are seen here.
    pub scope: Rc<Scope>,
    /// Variables whose names begin with `@`.
    pub instances: Vec<(Rc<str>, Value)>,
    /// Variables whose names begin with `$`.
    pub globals: Vec<(Rc<str>, Value)>,
    /// Constants that the program set.
    pub constants: Vec<(Rc<str>, Value)>,
    steps: u64,
    evaluator: Evaluator,
    /// Blocks that are running now, each called by the one before.
    pub calls: usize,
    /// Nodes that wait for each other now.
    pub nodes: usize,
    /// What is freed at the end.
    pub held: Vec<Held>,
}

impl<'a> Machine<'a> {
    /// An evaluation of `program`, made of the template of `file`.
    pub fn new(
        program: &'a Program,
        template: &str,
        file: &str,
        environment: &'a Environment,
        evaluator: Evaluator,
    ) -> Self {
        Self {
            environment,
            overlay: Vec::new(),
            output: Output::new(template),
            printed: String::new(),
            found: Value::Nil,
            file: file.into(),
            at: 0,
            program,
            scope: Rc::default(),
            instances: Vec::new(),
            globals: Vec::new(),
            constants: Vec::new(),
            steps: 0,
            evaluator,
            calls: 0,
            nodes: 0,
            held: Vec::new(),
        }
    }

    /// What was rendered.
    pub fn rendered(mut self) -> Rendered {
        Rendered {
            text: std::mem::take(&mut self.output.text),
            lines: std::mem::take(&mut self.output.lines),
            printed: std::mem::take(&mut self.printed),
        }
    }

    /// Counts work on `bytes` bytes.
    pub fn charge(&mut self, bytes: usize) -> Eval<()> {
        self.steps += 1 + bytes as u64 / 16;
        if bytes > MAX_TEXT {
            return Err(Stop::Limit("makes a text of more than 32 MiB"));
        }
        match self.steps > STEPS {
            true => Err(Stop::Limit("takes too many steps; does a loop ever end?")),
            false => Ok(()),
        }
    }

    /// A new list.
    pub fn array(&mut self, values: Vec<Value>) -> Value {
        let list = Rc::new(RefCell::new(values));
        self.held.push(Held::Array(list.clone()));
        Value::Array(list)
    }

    /// A new map.
    pub fn hash(&mut self, pairs: Vec<(Value, Value)>) -> Value {
        let map = Rc::new(RefCell::new(pairs));
        self.held.push(Held::Hash(map.clone()));
        Value::Hash(map)
    }

    /// A new text; counts as work on its bytes.
    pub fn text(&mut self, text: String) -> Eval {
        self.charge(text.len())?;
        Ok(Value::str(text))
    }

    /// Calls a method of `receiver`.
    pub fn call(&mut self, receiver: &Value, name: &str, args: &[Value], block: Blk) -> Eval {
        (self.evaluator.method)(self, receiver, name, args, block)
    }

    /// Runs a block on `args`.
    pub fn yield_to(&mut self, block: &Rc<Proc>, args: &[Value]) -> Eval {
        (self.evaluator.block)(self, block, args)
    }
}

impl Drop for Machine<'_> {
    /// Empties everything that could hold a long chain before any of it is freed.
    fn drop(&mut self) {
        let mut values = Vec::new();
        for held in &self.held {
            match held {
                Held::Array(list) => values.append(&mut list.borrow_mut()),
                Held::Hash(map) => {
                    values.extend(
                        map.borrow_mut()
                            .drain(..)
                            .flat_map(|(key, value)| [key, value]),
                    );
                }
                Held::Scope(scope) => {
                    values.extend(
                        scope
                            .variables
                            .borrow_mut()
                            .drain(..)
                            .map(|(_, value)| value),
                    );
                }
            }
        }
    }
}
