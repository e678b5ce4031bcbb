use apideck_hooks::FromRef;

#[derive(FromRef)]
enum App {
    Real,
    Fake,
}

fn main() {
    let _ = (App::Real, App::Fake);
}
