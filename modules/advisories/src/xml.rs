//! A small tree of XML: names without prefixes, attributes, texts.

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

/// How deep elements may nest.
const MAX_DEPTH: usize = 64;

/// An element.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub name: String,
    attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    pub text: String,
}

/// Why a text is no XML that is read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// It is malformed.
    #[error("malformed XML at byte {at}")]
    Malformed {
        /// Where.
        at: u64,
        /// Cause.
        source: quick_xml::Error,
    },
    /// It nests too deep.
    #[error("XML nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// It ends too early, or has no element.
    #[error("XML that is not complete")]
    Incomplete,
}

impl Element {
    /// Reads a text. Entities of a document type are not expanded.
    pub fn parse(text: &[u8]) -> Result<Self, XmlError> {
        let mut reader = Reader::from_reader(text);
        let mut open: Vec<Element> = vec![Element::default()];
        loop {
            let event = reader.read_event();
            let at = reader.buffer_position();
            match event.map_err(|source| XmlError::Malformed { at, source })? {
                Event::Start(start) => {
                    if open.len() > MAX_DEPTH {
                        return Err(XmlError::TooDeep);
                    }
                    open.push(Element::start(&start));
                }
                Event::Empty(start) => open
                    .last_mut()
                    .ok_or(XmlError::Incomplete)?
                    .children
                    .push(Element::start(&start)),
                Event::End(_) => close(&mut open)?,
                Event::Text(text) => push(&mut open, &text.xml10_content()),
                Event::CData(text) => push(&mut open, &text),
                Event::GeneralRef(name) => push(&mut open, &reference(&name)),
                Event::Eof => break,
                _ => {}
            }
        }
        let top = open
            .pop()
            .filter(|_| open.is_empty())
            .ok_or(XmlError::Incomplete)?;
        top.children.into_iter().next().ok_or(XmlError::Incomplete)
    }

    fn start(start: &BytesStart<'_>) -> Self {
        let attributes = start.attributes().flatten().map(|attribute| {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            (
                attribute.key.local_name().as_ref().to_owned(),
                value.unwrap_or_default().into_owned(),
            )
        });
        Self {
            name: start.local_name().as_ref().to_owned(),
            attributes: attributes.collect(),
            ..Self::default()
        }
    }

    /// The value of an attribute; empty when it is absent.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }

    /// The first child of that name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The children of that name.
    pub fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> + 'e {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of that name, trimmed; empty when it is absent.
    pub fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.trim())
    }
}

fn close(open: &mut Vec<Element>) -> Result<(), XmlError> {
    let done = open.pop().ok_or(XmlError::Incomplete)?;
    open.last_mut().ok_or(XmlError::Incomplete)?.children.push(done);
    Ok(())
}

fn push(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// What a reference such as `&lt;` or `&#60;` stands for.
fn reference(name: &str) -> String {
    let number = name.strip_prefix("#x").map(|hex| u32::from_str_radix(hex, 16));
    let number = number.or_else(|| name.strip_prefix('#').map(str::parse));
    match number {
        Some(number) => number
            .ok()
            .and_then(char::from_u32)
            .map(String::from)
            .unwrap_or_default(),
        None => quick_xml::escape::resolve_predefined_entity(name)
            .unwrap_or_default()
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_have_names_attributes_and_texts() {
        let element =
            Element::parse(b"<?xml version='1.0'?><a:b x:y='1&lt;2'>t&amp;&#65;<c/><c>2</c></a:b>").unwrap();
        assert_eq!(
            (
                element.name.as_str(),
                element.attribute("y"),
                element.text.as_str()
            ),
            ("b", "1<2", "t&A")
        );
        assert_eq!(element.all("c").count(), 2);
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        let deep = "<a>".repeat(100);
        for text in ["", "<a>", "<a></b>", "</a>", &deep] {
            assert!(Element::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
