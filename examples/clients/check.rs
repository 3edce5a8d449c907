// Is a gradient written by hand right?  With Rust's standard library alone; ADJOINT_URL may name the server too:
//
//   rustc check.rs && ./check [http://host:port]

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;

const QUESTION: &str = r#""expr": "x^2*sin(y) + exp(-x*y)", "at": {"x": 3, "y": 0.5}"#;

fn right(x: f64, y: f64) -> (f64, f64) {
    (2.0 * x * y.sin() - y * (-x * y).exp(), x * x * y.cos() - x * (-x * y).exp())
}

/// Forgets the inner derivative -x in one component.
fn wrong(x: f64, y: f64) -> (f64, f64) {
    (right(x, y).0, x * x * y.cos() + (-x * y).exp())
}

/// The first string or number of this name. In a string quotes have backslashes: none is taken for a name.
fn field(json: &str, name: &str) -> Option<String> {
    let key = format!("\"{name}\":");
    let rest = &json[json.find(&key)? + key.len()..];
    let Some(text) = rest.strip_prefix('"') else {
        return rest.split([',', '}', ']']).next().map(str::to_string);
    };
    let (mut found, mut characters) = (String::new(), text.chars());
    while let Some(next) = characters.next().filter(|&next| next != '"') {
        found.push(if next == '\\' { characters.next()? } else { next });
    }
    Some(found)
}

/// HTTP/1.0 and no keep-alive: the answer comes in one piece and ends with the connection.
fn post(url: &str, path: &str, body: &str) -> Result<String, Box<dyn Error>> {
    let address = url.strip_prefix("http://").ok_or("the address has to begin with http://")?;
    let (host, base) = address.split_at(address.find('/').unwrap_or(address.len()));
    let mut connection = TcpStream::connect(host).map_err(|error| format!("{host}: {error}"))?;
    write!(connection, "POST {base}{path} HTTP/1.0\r\nhost: {host}\r\ncontent-type: application/json\r\n")?;
    write!(connection, "content-length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (head, content) = answer.split_once("\r\n\r\n").ok_or("this is not HTTP")?;
    if head.starts_with("HTTP/1.1 200 ") {
        return Ok(content.to_string());
    }
    let title = field(content, "title").ok_or(head)?;
    let hint = field(content, "hint").map_or(String::new(), |hint| format!("\nhint: {hint}"));
    Err(format!("{title}: {}{hint}", field(content, "detail").unwrap_or_default()).into())
}

fn check(url: &str, label: &str, (x, y): (f64, f64)) -> Result<(), Box<dyn Error>> {
    let body = format!(r#"{{{QUESTION}, "claimed": {{"grad": {{"x": {x}, "y": {y}}}}}}}"#);
    let report = post(url, "/check", &body)?;
    println!("{label} {}", field(&report, "verdict").ok_or("no verdict")?);
    let diagnosis = report.split_once("\"diagnosis\":[{").map_or("", |(_, after)| after);
    if let (Some(kind), Some(detail)) = (field(diagnosis, "kind"), field(diagnosis, "detail")) {
        println!("          {kind}: {detail}");
    }
    Ok(())
}

fn story(url: &str) -> Result<(), Box<dyn Error>> {
    let answer = post(url, "/grad", &format!("{{{QUESTION}}}"))?;
    let told = |name| field(&answer, name).ok_or(format!("no {name} in {answer}"));
    println!("value     {}", told("value")?);
    println!("gradient  x {}, y {}", told("x")?, told("y")?);
    check(url, "by hand  ", right(3.0, 0.5))?;
    check(url, "mistaken ", wrong(3.0, 0.5))
}

fn main() {
    let named = std::env::args().nth(1).or(std::env::var("ADJOINT_URL").ok());
    if let Err(error) = story(named.as_deref().unwrap_or("http://127.0.0.1:8000")) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
