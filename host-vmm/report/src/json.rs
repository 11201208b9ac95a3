//! Events as JSON, one a line, for scripts.
//!
//! The form is that of [`crate::event::Event`]; [`crate::event::STREAM_VERSION`] changes with it, and comes
//! first in every stream.

use std::io::{self, Write};

use crate::event::{Event, STREAM_VERSION};

/// Draws events as JSON lines.
#[derive(Debug, Default)]
pub struct Json {
    greeted: bool,
}

impl Json {
    /// Writes one event.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn render(&mut self, out: &mut dyn Write, event: &Event) -> io::Result<()> {
        let hello = matches!(event, Event::Hello(_));
        if !self.greeted && !hello {
            line(out, &Event::Hello(STREAM_VERSION))?;
        }
        self.greeted = true;
        line(out, event)
    }
}

fn line(out: &mut dyn Write, event: &Event) -> io::Result<()> {
    serde_json::to_writer(&mut *out, event)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Skip, Verdict};

    fn render(events: &[Event]) -> Vec<Event> {
        let (mut out, mut json) = (Vec::new(), Json::default());
        events.iter().for_each(|event| json.render(&mut out, event).unwrap());
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_version_comes_first_and_once() {
        let finished = Event::Finished { micros: 1 };
        let greeted = [Event::Hello(STREAM_VERSION), finished];
        assert_eq!(render(&greeted[1..]), greeted);
        assert_eq!(render(&greeted), greeted);
    }

    /// Scripts parse this: a change of it is a new [`STREAM_VERSION`].
    #[test]
    fn the_form_of_a_line_is_pinned() {
        let mut out = Vec::new();
        line(&mut out, &Event::Unavailable { reason: "a".into(), remedy: "b".into() }).unwrap();
        assert_eq!(out, b"{\"Unavailable\":{\"reason\":\"a\",\"remedy\":\"b\"}}\n");
        let skipped = Verdict::Skipped(Skip::new("host-no-swap", "this host has no swap"));
        line(&mut out, &Event::End { name: "a".into(), verdict: skipped, micros: 1 }).unwrap();
        let skip = r#"{"End":{"name":"a","verdict":{"Skipped":{"key":"host-no-swap","reason":"this host has no swap"}},"micros":1}}"#;
        assert!(String::from_utf8(out).unwrap().ends_with(&format!("{skip}\n")));
        assert_eq!(STREAM_VERSION, 3);
    }
}
