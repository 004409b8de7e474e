//! Collects the fields of an event and of the spans around it, and writes the line.

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::Sink;
use super::escape::{MESSAGE_LIMIT, VALUE_LIMIT, bounded};
use super::line::{Line, Value};
use crate::args::LogFormat;
use crate::clock::Clock;

/// Writes each event as one line to a [`Sink`].
pub struct LogLayer {
    format: LogFormat,
    clock: Clock,
    sink: Sink,
}

impl LogLayer {
    /// A layer for `tracing_subscriber::registry()`.
    #[must_use]
    pub fn new(format: LogFormat, clock: Clock, sink: Sink) -> Self {
        Self { format, clock, sink }
    }
}

/// Message and fields, in the order in which they were recorded; a later value of the same name wins.
#[derive(Default)]
struct Fields {
    message: String,
    list: Vec<(&'static str, Value)>,
}

impl Fields {
    fn set(&mut self, name: &'static str, value: Value) {
        match self.list.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.list.push((name, value)),
        }
    }

    fn text(&mut self, field: &Field, text: std::fmt::Arguments<'_>) {
        if field.name() == "message" {
            self.message = bounded(text, MESSAGE_LIMIT);
        } else {
            self.set(field.name(), Value::Text(bounded(text, VALUE_LIMIT)));
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.text(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        self.text(field, format_args!("{text}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), Value::Bare(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), Value::Bare(value.to_string()));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.set(field.name(), Value::Bare(value.to_string()));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.set(field.name(), Value::Bare(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), Value::Bare(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no NaN and no infinity.
        let text = value.to_string();
        self.set(field.name(), if value.is_finite() { Value::Bare(text) } else { Value::Text(text) });
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        // The event's own fields first, then those of the spans, outermost first.
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                for (name, value) in &of_span.list {
                    if !fields.list.iter().any(|(known, _)| known == name) {
                        fields.list.push((name, value.clone()));
                    }
                }
            }
        }
        let line = Line {
            time: self.clock.now(),
            level: *event.metadata().level(),
            target: event.metadata().target(),
            message: &fields.message,
            fields: &fields.list,
        };
        (self.sink)(line.format(self.format).as_bytes());
    }
}
