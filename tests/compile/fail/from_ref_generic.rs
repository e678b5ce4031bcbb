use apideck_hooks::FromRef;

#[derive(FromRef)]
struct App<T> {
    db: T,
}

fn main() {
    let _ = App { db: 1 };
}
