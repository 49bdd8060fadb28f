//! Evaluates a program: variables, control flow, calls.

use std::cell::RefCell;
use std::rc::Rc;

use super::ast::{Block, Call, Kind, Node, Param, Piece, Rescue};
use super::environment::Environment;
use super::stop::{Eval, Stop, beyond, is_kind_of, raise};
use super::template::Program;
use super::value::{Proc, Scope, Value};
use super::{methods, output::Output};

/// How many steps a template may take; a step is a node, or the work of one on some bytes.
const STEPS: u64 = 3_000_000;
/// How many bytes a text may have.
pub const MAX_TEXT: usize = 32 << 20;
/// How deep blocks may call each other.
const CALLS: usize = 60;

/// Lists and scopes that are alive, so that long chains of them are freed one by one.
enum Held {
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
    program: &'a Program,
    scope: Rc<Scope>,
    instances: Vec<(Rc<str>, Value)>,
    globals: Vec<(Rc<str>, Value)>,
    constants: Vec<(Rc<str>, Value)>,
    steps: u64,
    calls: usize,
    held: Vec<Held>,
}

impl<'a> Machine<'a> {
    /// An evaluation of `program`, made of the template of `file`.
    pub fn new(
        program: &'a Program,
        template: &str,
        file: &str,
        environment: &'a Environment,
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
            calls: 0,
            held: Vec::new(),
        }
    }

    /// What was rendered.
    pub fn rendered(mut self) -> super::Rendered {
        super::Rendered {
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

    /// The value of `node`.
    pub fn eval(&mut self, node: &Node) -> Eval {
        self.charge(0)?;
        self.at = node.at;
        self.eval_kind(node)
    }

    fn eval_kind(&mut self, node: &Node) -> Eval {
        Ok(match &node.kind {
            Kind::Nil => Value::Nil,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Main => Value::Main,
            Kind::Int(number) => Value::Int(*number),
            Kind::Float(number) => Value::Float(*number),
            Kind::Str(pieces) => Value::str(self.pieces(pieces)?),
            Kind::Symbol(pieces) => Value::Symbol(self.pieces(pieces)?.into()),
            Kind::Regex(pieces, flags) => return self.regex(pieces, flags),
            Kind::Array(nodes) => {
                let values = self.values(nodes)?;
                self.array(values)
            }
            Kind::Hash(pairs) => {
                let mut map = Vec::new();
                for (key, value) in pairs {
                    let (key, value) = (self.eval(key)?, self.eval(value)?);
                    self.charge(map.len())?;
                    methods::hash::insert(&mut map, key, value);
                }
                self.hash(map)
            }
            Kind::Range(first, last, excluded) => {
                self.range(first.as_deref(), last.as_deref(), *excluded)?
            }
            Kind::Splat(_) => return beyond("`*` here"),
            Kind::Local(name) => self.local(name),
            Kind::Instance(name) => lookup(&self.instances, name),
            Kind::Global(name) => return self.global(name),
            Kind::Const(outer, name) => return self.constant(outer.as_deref(), name),
            Kind::Assign(target, value) => {
                let value = self.eval(value)?;
                self.assign(target, value.clone())?;
                value
            }
            Kind::OpAssign(target, operator, value) => {
                return self.op_assign(target, operator, value);
            }
            Kind::MultiAssign(targets, value) => {
                let value = self.eval(value)?;
                let values = methods::array::spread(&value);
                for (index, target) in targets.iter().enumerate() {
                    self.assign(target, values.get(index).cloned().unwrap_or(Value::Nil))?;
                }
                value
            }
            Kind::And(left, right) => match self.eval(left)? {
                left if left.truthy() => self.eval(right)?,
                left => left,
            },
            Kind::Or(left, right) => match self.eval(left)? {
                left if left.truthy() => left,
                _ => self.eval(right)?,
            },
            Kind::Not(inner) => Value::Bool(!self.eval(inner)?.truthy()),
            Kind::If(condition, yes, no) => match self.eval(condition)?.truthy() {
                true => self.eval(yes)?,
                false => self.eval(no)?,
            },
            Kind::While {
                condition,
                ends_on,
                body,
                body_first,
            } => self.run_loop(condition, *ends_on, body, *body_first)?,
            Kind::For(names, list, body) => self.run_for(names, list, body)?,
            Kind::Case(subject, arms, otherwise) => {
                self.case(subject.as_deref(), arms, otherwise)?
            }
            Kind::Call(call) => self.call(call, node.at)?,
            Kind::Begin {
                body,
                rescues,
                otherwise,
                ensure,
            } => {
                let result = self.rescue(body, rescues, otherwise.as_deref());
                if let Some(ensure) = ensure {
                    self.eval(ensure)?;
                }
                result?
            }
            Kind::Sequence(nodes) => {
                let mut last = Value::Nil;
                for node in nodes {
                    last = self.eval(node)?;
                }
                last
            }
            Kind::Defined(inner) => self.defined(inner),
            Kind::Lambda(block) => Value::Proc(self.proc(block)),
            Kind::Break(value) => return Err(Stop::Break(self.eval(value)?)),
            Kind::Next(value) => return Err(Stop::Next(self.eval(value)?)),
            Kind::Text(number) => {
                let (text, start) = &self.program.texts[*number];
                self.charge(text.len())?;
                self.output.text(text, *start)?;
                Value::Nil
            }
            Kind::Insert(inner) => {
                let text = self.eval(inner)?.to_text();
                self.charge(text.len())?;
                self.output.insert(&text, self.program.place(node.at))?;
                Value::Nil
            }
        })
    }

    fn pieces(&mut self, pieces: &[Piece]) -> Eval<String> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Code(code) => text.push_str(&self.eval(code)?.to_text()),
            }
            self.charge(text.len())?;
        }
        Ok(text)
    }

    fn regex(&mut self, pieces: &[Piece], flags: &str) -> Eval {
        let source = self.pieces(pieces)?;
        self.charge(64 * source.len())?;
        methods::regex::compile(&source, flags)
    }

    /// Values of a list, `*` spread.
    fn values(&mut self, nodes: &[Node]) -> Eval<Vec<Value>> {
        let mut values = Vec::with_capacity(nodes.len());
        for node in nodes {
            match &node.kind {
                Kind::Splat(inner) => {
                    let value = self.eval(inner)?;
                    values.extend(methods::array::listed(self, &value)?);
                }
                _ => values.push(self.eval(node)?),
            }
        }
        Ok(values)
    }

    fn range(&mut self, first: Option<&Node>, last: Option<&Node>, excluded: bool) -> Eval {
        let mut end = |node: Option<&Node>| node.map_or(Ok(Value::Nil), |node| self.eval(node));
        let (first, last) = (end(first)?, end(last)?);
        match (&first, &last) {
            (Value::Int(_) | Value::Nil, Value::Int(_) | Value::Nil)
            | (Value::Str(_), Value::Str(_)) => Ok(Value::Range(Rc::new((first, last, excluded)))),
            (
                Value::Int(_) | Value::Str(_) | Value::Nil,
                Value::Int(_) | Value::Str(_) | Value::Nil,
            ) => raise("ArgumentError", "bad value for range"),
            _ => beyond("a range of such values"),
        }
    }

    fn local(&self, name: &str) -> Value {
        let mut scope = Some(&self.scope);
        while let Some(current) = scope {
            if let Some((_, value)) = current
                .variables
                .borrow()
                .iter()
                .find(|(n, _)| &**n == name)
            {
                return value.clone();
            }
            scope = current.outer.as_ref();
        }
        Value::Nil
    }

    fn set_local(&mut self, name: &Rc<str>, value: Value) {
        let mut scope = Some(&self.scope);
        while let Some(current) = scope {
            let mut variables = current.variables.borrow_mut();
            if let Some((_, old)) = variables.iter_mut().find(|(n, _)| n == name) {
                *old = value;
                return;
            }
            drop(variables);
            scope = current.outer.as_ref();
        }
        self.scope
            .variables
            .borrow_mut()
            .push((name.clone(), value));
    }

    fn global(&mut self, name: &str) -> Eval {
        if name == "__FILE__" {
            return Ok(Value::str(self.file.clone()));
        }
        if let Some((_, value)) = self.globals.iter().find(|(n, _)| &**n == name) {
            return Ok(value.clone());
        }
        match name {
            "~" => Ok(self.found.clone()),
            "LOAD_PATH" | ":" => {
                let list = self.array(Vec::new());
                self.globals.push(("LOAD_PATH".into(), list.clone()));
                self.globals.push((":".into(), list.clone()));
                Ok(list)
            }
            "&" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" => {
                let number = name.parse().unwrap_or(0);
                Ok(match &self.found {
                    Value::Found(found) => Value::opt_str(found.group(number)),
                    _ => Value::Nil,
                })
            }
            _ => beyond(format!("`${name}`")),
        }
    }

    fn constant(&mut self, outer: Option<&Node>, name: &Rc<str>) -> Eval {
        let Some(outer) = outer else {
            if let Some((_, value)) = self.constants.iter().find(|(n, _)| n == name) {
                return Ok(value.clone());
            }
            return methods::constant(name);
        };
        let outer = match &outer.kind {
            Kind::Const(None, module) if methods::is_namespace(module) => module.to_string(),
            _ => self.eval(outer)?.to_text(),
        };
        methods::constant(&format!("{outer}::{name}"))
    }

    fn assign(&mut self, target: &Node, value: Value) -> Eval<()> {
        match &target.kind {
            Kind::Local(name) => self.set_local(name, value),
            Kind::Instance(name) => store(&mut self.instances, name, value),
            Kind::Const(None, name) => store(&mut self.constants, name, value),
            Kind::Global(name) => match methods::is_special_global(name) {
                true => return beyond(format!("an assignment to `${name}`")),
                false => store(&mut self.globals, name, value),
            },
            Kind::Call(call) => {
                let Some(receiver) = &call.receiver else {
                    return beyond("such an assignment");
                };
                let receiver = self.eval(receiver)?;
                let mut args = self.values(&call.args)?;
                args.push(value);
                methods::call(self, &receiver, &format!("{}=", call.name), &args, None)?;
            }
            _ => return beyond("such an assignment"),
        }
        Ok(())
    }

    fn op_assign(&mut self, target: &Node, operator: &str, value: &Node) -> Eval {
        let old = match &target.kind {
            // A constant that is not there yet is no error here.
            Kind::Const(None, name) if operator == "||" => lookup(&self.constants, name),
            Kind::Global(name) if operator == "||" => lookup(&self.globals, name),
            _ => self.eval(target)?,
        };
        let new = match operator {
            "||" if old.truthy() => return Ok(old),
            "&&" if !old.truthy() => return Ok(old),
            "||" | "&&" => self.eval(value)?,
            _ => {
                let value = self.eval(value)?;
                self.at = target.at;
                methods::call(self, &old, operator, &[value], None)?
            }
        };
        self.assign(target, new.clone())?;
        Ok(new)
    }

    fn run_loop(&mut self, condition: &Node, ends_on: bool, body: &Node, body_first: bool) -> Eval {
        let mut first = body_first;
        loop {
            if !std::mem::take(&mut first) && self.eval(condition)?.truthy() == ends_on {
                return Ok(Value::Nil);
            }
            match self.eval(body) {
                Err(Stop::Break(value)) => return Ok(value),
                Ok(_) | Err(Stop::Next(_)) => {}
                Err(stop) => return Err(stop),
            }
        }
    }

    fn run_for(&mut self, names: &[Rc<str>], list: &Node, body: &Node) -> Eval {
        let list = self.eval(list)?;
        for value in methods::array::listed(self, &list)? {
            let values = match names.len() {
                1 => vec![value],
                _ => methods::array::spread(&value),
            };
            for (index, name) in names.iter().enumerate() {
                self.set_local(name, values.get(index).cloned().unwrap_or(Value::Nil));
            }
            match self.eval(body) {
                Err(Stop::Break(value)) => return Ok(value),
                Ok(_) | Err(Stop::Next(_)) => {}
                Err(stop) => return Err(stop),
            }
        }
        Ok(list)
    }

    fn case(
        &mut self,
        subject: Option<&Node>,
        arms: &[(Vec<Node>, Node)],
        otherwise: &Node,
    ) -> Eval {
        let subject = subject.map(|node| self.eval(node)).transpose()?;
        for (tests, body) in arms {
            for test in self.values(tests)? {
                let fits = match &subject {
                    Some(subject) => {
                        methods::call(self, &test, "===", std::slice::from_ref(subject), None)?
                            .truthy()
                    }
                    None => test.truthy(),
                };
                if fits {
                    return self.eval(body);
                }
            }
        }
        self.eval(otherwise)
    }

    fn rescue(&mut self, body: &Node, rescues: &[Rescue], otherwise: Option<&Node>) -> Eval {
        let scope = self.scope.clone();
        let calls = self.calls;
        let exception = match (self.eval(body), otherwise) {
            (Err(Stop::Raise(exception)), _) => exception,
            (Ok(_), Some(otherwise)) => return self.eval(otherwise),
            (result, _) => return result,
        };
        self.scope = scope;
        self.calls = calls;
        for rescue in rescues {
            let mut fits =
                rescue.classes.is_empty() && is_kind_of(&exception.class, "StandardError");
            for class in self.values(&rescue.classes)? {
                match &class {
                    Value::ErrorClass(name) => fits |= is_kind_of(&exception.class, name),
                    _ => return raise("TypeError", "class or module required for rescue clause"),
                }
            }
            if fits {
                if let Some(name) = &rescue.name {
                    self.set_local(name, Value::Exception(Rc::new(exception)));
                }
                return self.eval(&rescue.body);
            }
        }
        Err(Stop::Raise(exception))
    }

    fn defined(&mut self, node: &Node) -> Value {
        let text = match &node.kind {
            Kind::Local(_) => "local-variable",
            Kind::Instance(name) if self.instances.iter().any(|(n, _)| n == name) => {
                "instance-variable"
            }
            Kind::Instance(_) => return Value::Nil,
            Kind::Const(..) => match self.eval(node) {
                Ok(_) => "constant",
                Err(_) => return Value::Nil,
            },
            Kind::Call(call) if call.receiver.is_none() => {
                match methods::kernel::is_known(&call.name) {
                    true => "method",
                    false => return Value::Nil,
                }
            }
            Kind::Sequence(nodes) if nodes.len() == 1 => return self.defined(&nodes[0]),
            Kind::Assign(..) | Kind::OpAssign(..) => "assignment",
            _ => match self.eval(node) {
                Ok(_) if matches!(node.kind, Kind::Call(_)) => "method",
                Ok(_) => "expression",
                Err(_) => return Value::Nil,
            },
        };
        Value::str(text)
    }

    fn call(&mut self, call: &Call, at: usize) -> Eval {
        let receiver = match &call.receiver {
            Some(receiver) => Some(self.eval(receiver)?),
            None => None,
        };
        if call.safe && matches!(receiver, Some(Value::Nil)) {
            return Ok(Value::Nil);
        }
        let args = self.values(&call.args)?;
        let block = match (&call.block, &call.block_arg) {
            (Some(block), _) => Some(self.proc(block)),
            (None, Some(node)) => {
                let value = self.eval(node)?;
                methods::to_proc(self, &value)?
            }
            (None, None) => None,
        };
        self.at = at;
        let result = match &receiver {
            Some(receiver) => methods::call(self, receiver, &call.name, &args, block.as_ref()),
            None => methods::kernel::call(self, &call.name, &args, block.as_ref(), call.bare),
        };
        match result {
            Err(Stop::Break(value)) if call.block.is_some() => Ok(value),
            result => result,
        }
    }

    /// A block with the variables that it sees here.
    pub fn proc(&mut self, block: &Rc<Block>) -> Rc<Proc> {
        self.held.push(Held::Scope(self.scope.clone()));
        Rc::new(Proc {
            block: block.clone(),
            scope: self.scope.clone(),
        })
    }

    /// Runs a block on `args`.
    pub fn yield_to(&mut self, proc: &Rc<Proc>, args: &[Value]) -> Eval {
        self.charge(0)?;
        if self.calls >= CALLS {
            return beyond("blocks that call each other this deeply");
        }
        let block = &proc.block;
        let inner = Rc::new(Scope {
            variables: RefCell::default(),
            outer: Some(proc.scope.clone()),
        });
        let outer = std::mem::replace(&mut self.scope, inner);
        self.calls += 1;
        let result = self.run_block(block, args);
        self.calls -= 1;
        self.scope = outer;
        match result {
            Err(Stop::Next(value)) => Ok(value),
            Err(Stop::Break(value)) if block.lambda => Ok(value),
            result => result,
        }
    }

    fn run_block(&mut self, block: &Block, args: &[Value]) -> Eval {
        let spread = match args {
            [Value::Array(list)]
                if !block.lambda && (block.params.len() > 1 || block.first_only) =>
            {
                Some(list.borrow().clone())
            }
            _ => None,
        };
        let args = spread.as_deref().unwrap_or(args);
        if block.lambda {
            let required = block
                .params
                .iter()
                .filter(|p| matches!(p, Param::Name(_, None)))
                .count();
            let rest = block
                .params
                .iter()
                .any(|param| matches!(param, Param::Rest(_)));
            if args.len() < required || (args.len() > block.params.len() && !rest) {
                return super::stop::wrong_count(args.len(), &required.to_string());
            }
        }
        self.bind(&block.params, args)?;
        self.eval(&block.body)
    }

    fn bind(&mut self, params: &[Param], args: &[Value]) -> Eval<()> {
        let mut next = 0;
        for (index, param) in params.iter().enumerate() {
            let arg = args.get(next).cloned();
            next += 1;
            match param {
                Param::Name(name, default) => {
                    let value = match (arg, default) {
                        (Some(value), _) => value,
                        (None, Some(default)) => self.eval(default)?,
                        (None, None) => Value::Nil,
                    };
                    self.bind_name(name, value);
                }
                Param::Rest(name) => {
                    let behind = params.len() - index - 1;
                    let end = args.len().saturating_sub(behind).max(next - 1);
                    let rest = args.get(next - 1..end).unwrap_or_default().to_vec();
                    next = end;
                    let rest = self.array(rest);
                    self.bind_name(name, rest);
                }
                Param::Group(params) => {
                    let values = methods::array::spread(&arg.unwrap_or(Value::Nil));
                    self.bind(params, &values)?;
                }
            }
        }
        Ok(())
    }

    /// Parameters are the block's own, whatever the scopes around it hold.
    fn bind_name(&mut self, name: &Rc<str>, value: Value) {
        self.scope
            .variables
            .borrow_mut()
            .push((name.clone(), value));
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

fn lookup(list: &[(Rc<str>, Value)], name: &str) -> Value {
    let found = list.iter().find(|(known, _)| &**known == name);
    found.map_or(Value::Nil, |(_, value)| value.clone())
}

fn store(list: &mut Vec<(Rc<str>, Value)>, name: &Rc<str>, value: Value) {
    match list.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => *old = value,
        None => list.push((name.clone(), value)),
    }
}
