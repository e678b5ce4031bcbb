use apideck_hooks::FromRef;

#[derive(FromRef)]
struct App {
    api_key: String,
    region: String,
}

fn main() {
    let _ = App { api_key: String::new(), region: String::new() };
}
