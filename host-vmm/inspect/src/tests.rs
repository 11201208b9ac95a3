use super::subject::Local;
use super::{Alone, Answer, Inspector, Status};

fn model() -> Inspector {
    let model = trace::model_of("max").unwrap();
    Inspector::new("model", Box::new(Local::open(&model).unwrap()), "").unwrap()
}

fn plain(answer: &Answer) -> String {
    anstream::adapter::strip_str(&answer.text).to_string()
}

/// Carries out lines; returns the answer to the last one.
fn last(inspector: &mut Inspector, lines: &str) -> (String, Status) {
    let mut answer = None;
    for line in lines.lines() {
        if let Some(previous) = answer.replace(inspector.line(line, &mut Alone)) {
            assert_eq!(previous.status, Status::Done, "before {line}: {}", plain(&previous));
        }
    }
    let answer = answer.unwrap();
    (plain(&answer), answer.status)
}

#[test]
fn try_it() {
    let mut inspector = model();
    for line in std::env::var("LINES_").unwrap_or_default().lines() {
        println!("> {line}");
        let answer = inspector.line(line, &mut Alone);
        print!("{}", plain(&answer));
    }
}

#[test]
fn lines_build_on_each_other() {
    let (text, status) = last(&mut model(), "irg x1, x0\nstg x1, [x1]\nstr x2, [x1]\nldr x3, [x0]");
    assert_eq!(status, Status::Done, "{text}");
    assert!(text.contains("does not match: a synchronous fault"), "{text}");
}
