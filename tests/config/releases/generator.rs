//! Makes configs at random from the schema of a release, most of them with a fault.

use serde_json::{Map, Value, json};

/// A generator of configs. The same one every time, so that a failure is seen again.
pub(super) struct Generator<'s> {
    schema: &'s Value,
    state: u64,
}

/// Number of levels below which no further keys are added that need not be there.
const MAX_DEPTH: usize = 6;

impl<'s> Generator<'s> {
    pub(super) fn new(schema: &'s Value) -> Self {
        Self {
            schema,
            state: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// Returns a number below `bound` (xorshift).
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 33).expect("31 bits") % bound.max(1)
    }

    fn choose<'v, T>(&mut self, values: &'v [T]) -> &'v T {
        &values[self.below(values.len())]
    }

    /// Returns a config: valid by its schema, then two times out of three with one fault.
    pub(super) fn config(&mut self) -> Value {
        let mut config = self.value(self.schema, &Map::new(), 0);
        // What lies in other folders is not the subject here.
        if let Some(Value::Object(plugins)) = config.get_mut("plugins") {
            plugins.shift_remove("load");
            plugins.shift_remove("installs");
        }
        if self.below(3) > 0 {
            self.damage(&mut config);
        }
        config
    }

    /// Returns a value that a part of the schema accepts, as far as its own keywords say.
    fn value(&mut self, schema: &Value, definitions: &Map<String, Value>, depth: usize) -> Value {
        let Value::Object(schema) = schema else {
            return json!("free");
        };
        let definitions = schema
            .get("$defs")
            .and_then(Value::as_object)
            .unwrap_or(definitions);
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.value(
                &definitions[reference.trim_start_matches("#/$defs/")],
                definitions,
                depth,
            );
        }
        for alternatives in ["anyOf", "oneOf"] {
            if let Some(Value::Array(parts)) =
                schema.get(alternatives).filter(|_| !schema.contains_key("type"))
            {
                let part = self.choose(parts).clone();
                return self.value(&part, definitions, depth);
            }
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(Value::Array(words)) = schema.get("enum") {
            return self.choose(words).clone();
        }
        let kind = match schema.get("type") {
            Some(Value::Array(kinds)) => self.choose(kinds).clone(),
            Some(kind) => kind.clone(),
            None => json!("object"),
        };
        match kind.as_str() {
            Some("object") => self.object(schema, definitions, depth),
            Some("array") => self.array(schema, definitions, depth),
            Some("integer" | "number") => self.number(schema),
            Some("boolean") => json!(self.below(2) == 0),
            Some("null") => Value::Null,
            _ => self.text(schema),
        }
    }

    fn object(
        &mut self,
        schema: &Map<String, Value>,
        definitions: &Map<String, Value>,
        depth: usize,
    ) -> Value {
        let mut object = Map::new();
        let empty = Map::new();
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let names: Vec<_> = properties.keys().collect();
        let extra = if depth > MAX_DEPTH || names.is_empty() {
            0
        } else {
            1 + self.below(if depth == 0 { 3 } else { 2 })
        };
        let mut chosen: Vec<String> = required.iter().map(|key| (*key).to_owned()).collect();
        for _ in 0..extra {
            chosen.push((*self.choose(&names)).clone());
        }
        for key in chosen {
            if let Some(part) = properties.get(&key) {
                let value = self.value(part, definitions, depth + 1);
                object.insert(key, value);
            }
        }
        if let Some(part @ Value::Object(_)) = schema.get("additionalProperties") {
            for _ in 0..=self.below(2) {
                let key = (*self.choose(&["alpha", "b2", "main", "-100123", "work", "*"])).to_owned();
                let value = self.value(part, definitions, depth + 1);
                object.insert(key, value);
            }
        }
        Value::Object(object)
    }

    fn array(
        &mut self,
        schema: &Map<String, Value>,
        definitions: &Map<String, Value>,
        depth: usize,
    ) -> Value {
        let count = 1 + self.below(2);
        match schema.get("items") {
            Some(Value::Array(parts)) => parts
                .iter()
                .map(|part| self.value(part, definitions, depth + 1))
                .collect(),
            Some(part) => (0..count)
                .map(|_| self.value(part, definitions, depth + 1))
                .collect(),
            None => json!([]),
        }
    }

    fn number(&mut self, schema: &Map<String, Value>) -> Value {
        let bound = |key: &str| {
            schema
                .get(key)
                .and_then(Value::as_f64)
                .filter(|bound| bound.abs() < 9e15)
        };
        let least = bound("minimum")
            .or_else(|| bound("exclusiveMinimum").map(|bound| bound + 1.0))
            .unwrap_or(0.0);
        let most = bound("maximum").unwrap_or(least + 100.0);
        let quarter = [0.0, 0.25, 0.5, 0.75, 1.0][self.below(5)];
        let picked = least + ((most - least) * quarter).floor();
        // Text has no fraction where the number has none.
        serde_json::from_str(&picked.to_string()).expect("a number")
    }

    fn text(&mut self, schema: &Map<String, Value>) -> Value {
        let samples = [
            "a",
            "main",
            "/abs/path",
            "rel/path",
            "https://host.example/x",
            "30m",
            "10:30",
            "abc-def",
            "openai/gpt-5",
            "OPENAI_API_KEY",
            "*",
            "x y",
            "#FF4500",
            "2026-01-01T00:00:00Z",
            "ops@host.example",
            "123",
            "10mb",
            "default",
            "telegram",
            "last",
        ];
        let pattern = schema.get("pattern").and_then(Value::as_str);
        let format = schema.get("format").and_then(Value::as_str);
        let sample = match (pattern, format) {
            (_, Some("uri")) => "https://host.example/x",
            (Some(pattern), _) if pattern.contains("A-Z][A-Z0-9_]") => "OPENAI_API_KEY",
            (Some(pattern), _) if pattern.contains("[Hh]") || pattern.contains("http") => {
                "https://host.example/x"
            }
            (Some(pattern), _) if pattern.contains("a-z") => "default",
            _ => self.choose(&samples),
        };
        json!(sample)
    }

    /// Changes one place of a value so that it is probably not valid any more.
    fn damage(&mut self, value: &mut Value) {
        let is_leaf = !matches!(value, Value::Object(map) if !map.is_empty())
            && !matches!(value, Value::Array(list) if !list.is_empty());
        if is_leaf || self.below(5) == 0 {
            let faults = [
                json!(null),
                json!(true),
                json!(7),
                json!(-1),
                json!(1.5),
                json!(99_999_999),
                json!("odd"),
                json!(""),
                json!([]),
                json!({}),
                json!({"odd": 1}),
            ];
            if let (Value::Object(map), true) = (&mut *value, self.below(2) == 0) {
                map.insert("oddKey".to_owned(), json!(1));
            } else {
                *value = self.choose(&faults).clone();
            }
            return;
        }
        match value {
            Value::Object(map) => {
                let keys: Vec<_> = map.keys().cloned().collect();
                let key = self.choose(&keys).clone();
                if self.below(8) == 0 {
                    map.remove(&key);
                } else {
                    self.damage(&mut map[&key]);
                }
            }
            Value::Array(list) => {
                let at = self.below(list.len());
                self.damage(&mut list[at]);
            }
            _ => {}
        }
    }
}
