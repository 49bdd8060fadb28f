//! Errors and their classes.

use std::rc::Rc;

use super::super::stop::Eval;
use super::super::value::{Exception, Value};
use super::arguments::{arity, one};

/// Calls a method of an error.
pub fn call(this: &Rc<Exception>, name: &str, args: &[Value]) -> Eval<Option<Value>> {
    Ok(match name {
        "message" | "to_s" | "full_message" if args.is_empty() => {
            Some(Value::str(this.message.clone()))
        }
        _ => None,
    })
}

/// Calls a method of a class of errors.
pub fn of_class(class: &Rc<str>, name: &str, args: &[Value]) -> Eval<Option<Value>> {
    Ok(match name {
        "new" | "exception" => {
            arity(args, 0, 1)?;
            let message = args
                .first()
                .map_or_else(|| class.to_string(), Value::to_text);
            Some(Value::Exception(Rc::new(Exception {
                class: class.clone(),
                message,
            })))
        }
        "name" | "to_s" | "inspect" => Some(Value::str(&**class)),
        "===" => Some(super::object::is_a(
            one(args)?,
            &Value::ErrorClass(class.clone()),
        )?),
        _ => None,
    })
}
