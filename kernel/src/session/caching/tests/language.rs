//! A little Rust: cells as trees, their text, and what they do.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use rand::RngExt as _;
use rand::rngs::StdRng;

#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Int(i64),
    /// `v`, of a number.
    Var(String),
    Const(String),
    Call(String, Box<Expr>),
    Add(Box<Expr>, Box<Expr>),
    /// `v.len() as i64`
    Len(String),
    /// `v.iter().sum::<i64>()`
    Sum(String),
    /// `*v`
    Deref(String),
    /// What no cache can know: another value at every step.
    Clock,
    /// A parameter of the notebook; 0 if there is none.
    Param(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    Let {
        name: String,
        mutable: bool,
        value: Init,
    },
    /// `v += …;`
    Add(String, Expr),
    /// `v.push(…);`
    Push(String, Expr),
    Print(Expr),
    /// Sets a parameter of the notebook.
    SetParam(String, Expr),
    /// `println!("{v:?}")`
    PrintInline(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Init {
    Number(Expr),
    List(Vec<Expr>),
    /// `Rc::new(…)`
    Shared(Expr),
    /// `v`, a list, which is gone then.
    Moved(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// `fn f(x: i64) -> i64 { … }`
    Fn(String, Expr),
    Const(String, i64),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cell {
    pub cached: bool,
    pub items: Vec<Item>,
    pub statements: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Number(i64),
    List(Vec<i64>),
    Shared(i64),
}

impl Value {
    pub fn type_text(&self) -> &'static str {
        match self {
            Value::Number(_) => "i64",
            Value::List(_) => "Vec<i64>",
            Value::Shared(_) => "Rc<i64>",
        }
    }

    /// As a file holds it; a shared value cannot be stored.
    pub fn encoded(&self) -> Option<Vec<u8>> {
        let list = match self {
            Value::Number(number) => return Some(number.to_le_bytes().to_vec()),
            Value::List(list) => list,
            Value::Shared(_) => return None,
        };
        Some(list.iter().flat_map(|number| number.to_le_bytes()).collect())
    }

    pub fn decoded(type_text: &str, bytes: &[u8]) -> Value {
        let numbers: Vec<i64> = bytes
            .chunks(8)
            .map(|chunk| i64::from_le_bytes(chunk.try_into().expect("eight bytes")))
            .collect();
        match type_text {
            "i64" => Value::Number(numbers[0]),
            _ => Value::List(numbers),
        }
    }
}

/// Variables and items.
#[derive(Debug, Clone, Default)]
pub struct World {
    pub values: BTreeMap<String, Value>,
    pub items: BTreeMap<String, Item>,
    pub params: BTreeMap<String, i64>,
    /// What the last cell has read of them before it had set them itself, and what it has set.
    pub params_read: RefCell<BTreeMap<String, Option<i64>>>,
    pub params_set: BTreeMap<String, i64>,
    pub clock: i64,
}

/// It does not compile.
#[derive(Debug, Clone, PartialEq)]
pub struct Faulty;

impl World {
    /// Runs a cell; one that fails changes nothing.
    pub fn run(&mut self, cell: &Cell) -> Result<String, Faulty> {
        let mut after = self.clone();
        after.params_read.borrow_mut().clear();
        after.params_set.clear();
        let mut printed = String::new();
        for item in &cell.items {
            after.define(item);
        }
        for statement in &cell.statements {
            after.statement(statement, &mut printed)?;
        }
        *self = after;
        Ok(printed)
    }

    pub fn define(&mut self, item: &Item) {
        let (Item::Fn(name, _) | Item::Const(name, _)) = item;
        self.items.insert(name.clone(), item.clone());
    }

    fn statement(&mut self, statement: &Statement, printed: &mut String) -> Result<(), Faulty> {
        match statement {
            Statement::Let { name, value, .. } => {
                let value = match value {
                    Init::Number(expr) => Value::Number(self.eval(expr, None, 0)?),
                    Init::List(parts) => {
                        let parts = parts.iter().map(|part| self.eval(part, None, 0));
                        Value::List(parts.collect::<Result<_, _>>()?)
                    }
                    Init::Shared(expr) => Value::Shared(self.eval(expr, None, 0)?),
                    Init::Moved(from) => match self.values.remove(from) {
                        Some(list @ Value::List(_)) => list,
                        _ => return Err(Faulty),
                    },
                };
                self.values.insert(name.clone(), value);
            }
            Statement::Add(name, expr) => {
                let by = self.eval(expr, None, 0)?;
                match self.values.get_mut(name) {
                    Some(Value::Number(number)) => *number = number.wrapping_add(by),
                    _ => return Err(Faulty),
                }
            }
            Statement::Push(name, expr) => {
                let new = self.eval(expr, None, 0)?;
                match self.values.get_mut(name) {
                    Some(Value::List(list)) => list.push(new),
                    _ => return Err(Faulty),
                }
            }
            Statement::Print(expr) => {
                let value = self.eval(expr, None, 0)?;
                let _ = writeln!(printed, "{value}");
            }
            Statement::SetParam(name, expr) => {
                let value = self.eval(expr, None, 0)?;
                self.params.insert(name.clone(), value);
                self.params_set.insert(name.clone(), value);
            }
            Statement::PrintInline(name) => {
                let value = self.values.get(name).ok_or(Faulty)?;
                let _ = writeln!(printed, "{value:?}");
            }
        }
        Ok(())
    }

    fn eval(&self, expr: &Expr, x: Option<i64>, depth: usize) -> Result<i64, Faulty> {
        if depth > 20 {
            return Err(Faulty);
        }
        match expr {
            Expr::Int(number) => Ok(*number),
            Expr::Clock => Ok(self.clock),
            Expr::Param(name) => {
                let value = self.params.get(name).copied();
                if !self.params_set.contains_key(name) {
                    self.params_read.borrow_mut().entry(name.clone()).or_insert(value);
                }
                Ok(value.unwrap_or(0))
            }
            Expr::Var(name) if name == "x" && x.is_some() => x.ok_or(Faulty),
            // Items do not see variables.
            Expr::Var(_) | Expr::Len(_) | Expr::Sum(_) | Expr::Deref(_) if x.is_some() => Err(Faulty),
            Expr::Var(name) => match self.values.get(name) {
                Some(Value::Number(number)) => Ok(*number),
                _ => Err(Faulty),
            },
            Expr::Len(name) => match self.values.get(name) {
                Some(Value::List(list)) => Ok(list.len() as i64),
                _ => Err(Faulty),
            },
            Expr::Sum(name) => match self.values.get(name) {
                Some(Value::List(list)) => Ok(list.iter().fold(0, |sum, part| sum.wrapping_add(*part))),
                _ => Err(Faulty),
            },
            Expr::Deref(name) => match self.values.get(name) {
                Some(Value::Shared(number)) => Ok(*number),
                _ => Err(Faulty),
            },
            Expr::Const(name) => match self.items.get(name) {
                Some(Item::Const(_, number)) => Ok(*number),
                _ => Err(Faulty),
            },
            Expr::Call(name, argument) => {
                let argument = self.eval(argument, x, depth + 1)?;
                match self.items.get(name) {
                    Some(Item::Fn(_, body)) => self.eval(body, Some(argument), depth + 1),
                    _ => Err(Faulty),
                }
            }
            Expr::Add(left, right) => {
                let left = self.eval(left, x, depth + 1)?;
                Ok(left.wrapping_mul(3).wrapping_add(self.eval(right, x, depth + 1)?))
            }
        }
    }
}

/// The text of a cell, laid out at random.
pub fn text(cell: &Cell, random: &mut StdRng) -> String {
    let mut pieces: Vec<String> = Vec::new();
    for item in &cell.items {
        pieces.push(match item {
            Item::Fn(name, body) => format!("fn {name}(x: i64) -> i64 {{ {} }}", expr(body)),
            Item::Const(name, value) => format!("const {name}: i64 = {value};"),
        });
    }
    for statement in &cell.statements {
        pieces.push(match statement {
            Statement::Let { name, mutable, value } => {
                let value = match value {
                    Init::Number(value) => expr(value),
                    Init::List(parts) => {
                        let parts: Vec<String> = parts.iter().map(expr).collect();
                        format!("vec![{}]", parts.join(", "))
                    }
                    Init::Shared(value) => format!("std::rc::Rc::new({})", expr(value)),
                    Init::Moved(from) => from.clone(),
                };
                format!("let {}{name} = {value};", if *mutable { "mut " } else { "" })
            }
            Statement::Add(name, value) => format!("{name} += {};", expr(value)),
            Statement::Push(name, value) => format!("{name}.push({});", expr(value)),
            Statement::SetParam(name, value) => format!("cellar::params::set({name:?}, {});", expr(value)),
            Statement::Print(value) => format!("println!(\"{{}}\", {});", expr(value)),
            Statement::PrintInline(name) => format!("println!(\"{{{name}:?}}\");"),
        });
    }
    let mut text = String::new();
    for piece in pieces {
        for (index, word) in piece.split(' ').enumerate() {
            if index > 0 {
                text.push_str(["  ", " ", "\n", " /* why */ "][random.random_range(0..4)]);
            }
            text.push_str(word);
        }
        text.push_str(["\n", "\n\n", " // so\n"][random.random_range(0..3)]);
    }
    text
}

fn expr(of: &Expr) -> String {
    match of {
        Expr::Int(number) => format!("{number}i64"),
        Expr::Var(name) | Expr::Const(name) => name.clone(),
        Expr::Call(name, argument) => format!("{name}({})", expr(argument)),
        Expr::Add(left, right) => format!("({}*3+{})", expr(left), expr(right)),
        Expr::Len(name) => format!("({name}.len()as i64)"),
        Expr::Sum(name) => format!("{name}.iter().sum::<i64>()"),
        Expr::Deref(name) => format!("(*{name})"),
        Expr::Param(name) => format!("cellar::params::get_as::<i64>({name:?}).unwrap().unwrap_or(0)"),
        Expr::Clock => "clock()".to_owned(),
    }
}
