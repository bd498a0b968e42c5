//! A server that is played: it answers what it is told to, and remembers what it was asked. What the real one does is
//! tested with the real one; this is for answers that it does not give on request, such as a connection that breaks.

use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method and path without the `?` and what follows.
    pub what: String,
    /// What follows.
    pub query: String,
    /// Headers, their names in lowercase.
    pub headers: HashMap<String, String>,
    /// The body, as JSON.
    pub body: Value,
}

/// An answer: status, content type, body.
pub type Answer = (u16, &'static str, String);

/// The server. It ends with the test.
pub struct Played {
    /// Where it listens.
    pub origin: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// An answer in JSON.
pub fn json(value: &Value) -> Answer {
    (200, "application/json", value.to_string())
}

impl Played {
    /// Answers each request with what `answer` makes of it and of the number of requests alike before it.
    pub fn start(answer: impl Fn(&Asked, usize) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::<Asked>::new()));
        let remembered = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read(&stream) else { continue };
                let before = {
                    let mut asked = remembered.lock().unwrap();
                    let before = asked.iter().filter(|one| one.what == request.what).count();
                    asked.push(request.clone());
                    before
                };
                let (status, kind, body) = answer(&request, before);
                // No length: the body ends with the connection, and so a stream may break off.
                let head =
                    format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n");
                // Whoever asked may have gone.
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        Self { origin, asked }
    }

    /// Requests of this kind until now.
    pub fn asked(&self, what: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|one| one.what == what).cloned().collect()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
    let mut headers = HashMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        what: format!("{method} {path}"),
        query,
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}
