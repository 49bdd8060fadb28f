//! Where an expression stands in the file of its value.

use banquet_sdk::Origin;

/// Line and column of `expression` itself, which stands in the value at `value` or behind it; those
/// of the value where the file does not have it as it is (templates, joined lines).
pub fn exact(value: &Origin, expression: &str) -> Origin {
    let text = std::fs::read_to_string(&*value.file).unwrap_or_default();
    found(&text, value, expression.trim_end_matches('…')).unwrap_or_else(|| value.clone())
}

fn found(text: &str, value: &Origin, expression: &str) -> Option<Origin> {
    let lines = text.lines().enumerate().skip(value.line.checked_sub(1)?);
    for (index, line) in lines {
        let skipped = match index + 1 == value.line {
            true => line.char_indices().nth(value.column.saturating_sub(1))?.0,
            false => 0,
        };
        if let Some(at) = line[skipped..].find(expression) {
            return Some(Origin {
                file: value.file.clone(),
                line: index + 1,
                column: line[..skipped + at].chars().count() + 1,
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expression_is_found_behind_the_beginning_of_its_value() {
        let text = "a: {{peers.x.y}}\n- step: run\n  command: écho {{peers.x.y}}\n";
        let value = Origin {
            file: std::sync::Arc::default(),
            line: 2,
            column: 3,
        };
        let at = found(text, &value, "{{peers.x.y}}").expect("it is there");
        assert_eq!((at.line, at.column), (3, 17));
        assert_eq!(found(text, &value, "{{peers.z.y}}"), None);
        assert_eq!(exact(&value, "{{peers.x.y}}"), value);
    }
}
