//! The tree of a program.

use std::rc::Rc;

/// A piece of the program.
#[derive(Debug)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Byte of the program where it begins.
    pub at: usize,
}

/// Part of a text with insertions.
#[derive(Debug)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// The value of an expression.
    Code(Node),
}

/// A block's or a lambda's parameters.
#[derive(Debug)]
pub enum Param {
    /// A name, with its default.
    Name(Rc<str>, Option<Node>),
    /// All further values.
    Rest(Rc<str>),
    /// The values of an array, in parentheses.
    Group(Vec<Param>),
}

/// What an assignment to several targets fills.
#[derive(Debug)]
pub enum Target {
    /// One value.
    One(Node),
    /// All further values.
    Rest(Node),
    /// The values of an array, in parentheses.
    Group(Vec<Target>),
}

/// Code with parameters.
#[derive(Debug)]
pub struct Block {
    /// Its parameters.
    pub params: Vec<Param>,
    /// A comma ends the parameters: an array gives its first value.
    pub first_only: bool,
    /// What it does.
    pub body: Node,
    /// It takes exactly its parameters.
    pub lambda: bool,
}

/// `rescue A, B => name` and what follows.
#[derive(Debug)]
pub struct Rescue {
    /// Classes; none means every standard error.
    pub classes: Vec<Node>,
    /// Variable for the error.
    pub name: Option<Rc<str>>,
    /// What to do.
    pub body: Node,
}

/// A call of a method.
#[derive(Debug)]
pub struct Call {
    /// Whose method; none for the program's own.
    pub receiver: Option<Node>,
    /// Name.
    pub name: Rc<str>,
    /// Arguments.
    pub args: Vec<Node>,
    /// `&value` as the block.
    pub block_arg: Option<Node>,
    /// The block.
    pub block: Option<Rc<Block>>,
    /// `&.`: nothing happens to nil.
    pub safe: bool,
    /// Neither arguments nor parentheses: could have been a variable.
    pub bare: bool,
}

/// What a node is.
#[derive(Debug)]
pub enum Kind {
    /// `nil`, or nothing at all.
    Nil,
    /// `true`, `false`.
    Bool(bool),
    /// `self`: the program itself.
    Main,
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A string with its insertions.
    Str(Vec<Piece>),
    /// A symbol.
    Symbol(Vec<Piece>),
    /// A regular expression and its flags.
    Regex(Vec<Piece>, String),
    /// A list.
    Array(Vec<Node>),
    /// A map; a key that is a splat (`**other`) has no value.
    Hash(Vec<(Node, Node)>),
    /// A range; whether its end is excluded.
    Range(Option<Box<Node>>, Option<Box<Node>>, bool),
    /// `*value` in a list or call.
    Splat(Box<Node>),
    /// A local variable.
    Local(Rc<str>),
    /// `@name`.
    Instance(Rc<str>),
    /// `$name`.
    Global(Rc<str>),
    /// A constant, perhaps of another one.
    Const(Option<Box<Node>>, Rc<str>),
    /// `target = value`.
    Assign(Box<Node>, Box<Node>),
    /// `target op= value`; the operator is `||`, `&&` or a method.
    OpAssign(Box<Node>, Rc<str>, Box<Node>),
    /// `a, b = value`.
    MultiAssign(Vec<Target>, Box<Node>),
    /// Both.
    And(Box<Node>, Box<Node>),
    /// Either.
    Or(Box<Node>, Box<Node>),
    /// The opposite.
    Not(Box<Node>),
    /// A condition.
    If(Box<Node>, Box<Node>, Box<Node>),
    /// A loop; it ends when the condition has this value. The body may come first.
    While {
        condition: Box<Node>,
        ends_on: bool,
        body: Box<Node>,
        body_first: bool,
    },
    /// `for names in list`.
    For(Vec<Rc<str>>, Box<Node>, Box<Node>),
    /// A choice.
    Case(Option<Box<Node>>, Vec<(Vec<Node>, Node)>, Box<Node>),
    /// A call.
    Call(Box<Call>),
    /// Code with what to do when it fails.
    Begin {
        body: Box<Node>,
        rescues: Vec<Rescue>,
        otherwise: Option<Box<Node>>,
        ensure: Option<Box<Node>>,
    },
    /// One after the other.
    Sequence(Vec<Node>),
    /// Whether something is there.
    Defined(Box<Node>),
    /// A function as a value.
    Lambda(Rc<Block>),
    /// Leaves the loop.
    Break(Box<Node>),
    /// Ends this turn of the loop.
    Next(Box<Node>),
    /// A text of the template, by number.
    Text(usize),
    /// An inserted value.
    Insert(Box<Node>),
}
